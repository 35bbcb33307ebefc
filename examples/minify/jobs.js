// What the threads do: minify one file with terser. The main thread imports the same function, to do the same work itself.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { minify } from "terser";
import { defineJob, defineJobs, linear } from "millrace/jobs";

// Nothing in a .js file says whether it is a script or a module. The first attempt takes it for a script; if terser refuses
// that (most often because of an `await` at the top level), the second one takes it for a module.
export const ATTEMPTS = 2;

export async function minifyFile(path, attempt) {
  const source = await readFile(path, "utf8");
  const { code } = await minify(source, { module: attempt > 1 });
  return {
    bytesBefore: Buffer.byteLength(source),
    bytesAfter: Buffer.byteLength(code),
    // Enough to tell whether both ways come to the same; a real job would write the code to disk.
    sha256: createHash("sha256").update(code).digest("hex"),
  };
}

export const minifyJob = defineJob({
  name: "minify",
  maxRetries: ATTEMPTS - 1,
  backoff: linear(0),
  run: ({ path }, ctx) => minifyFile(path, ctx.attempt),
});

export default defineJobs({ jobs: [minifyJob] });
