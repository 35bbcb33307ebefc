// The same work with jobs in a file: kill it at any moment, start it again, and it goes on where it stopped.
//
//   npm run demo -- --durable           or: node examples/minify/durable.js [--files 400] [--folder node_modules] [--store minify-jobs.db]

import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createEngine } from "millrace";
import { sqliteStorage } from "millrace/sqlite";
import { chooseFiles } from "./files.js";
import { minifyJob } from "./jobs.js";
import { progressBar } from "./progress.js";

const { values: args } = parseArgs({
  options: { durable: { type: "boolean" }, files: { type: "string", default: "400" }, folder: { type: "string" }, store: { type: "string", default: "minify-jobs.db" } },
});
const folder = args.folder ?? fileURLToPath(new URL("../../node_modules", import.meta.url));
const files = (await chooseFiles(folder)).slice(0, Number(args.files));

const engine = createEngine({
  jobs: new URL("./jobs.js", import.meta.url),
  queues: { default: { threads: availableParallelism() } },
  storage: sqliteStorage({ path: args.store }),
  // All are kept, so that whoever comes next knows what is done.
  retention: { completed: { age: "1d", count: Infinity }, dead: { age: "1d", count: Infinity } },
});

// What an earlier start has stored, as far as it came.
const known = new Map();
for (let after; ; ) {
  const page = await engine.list(after === undefined ? { limit: 1_000 } : { limit: 1_000, after });
  for (const job of page.jobs) known.set(job.meta.file, job);
  if (page.next === null) break;
  after = page.next;
}
const isOver = ({ state }) => state === "completed" || state === "dead";
const missing = files.filter(({ name }) => !known.has(name));
for (const { path, name } of missing) void engine.enqueue(minifyJob, { path }, { meta: { file: name } });
let done = [...known.values()].filter(isOver).length;
console.log(known.size === 0 ? `${files.length} files of ${folder}, as jobs in ${args.store}` : `${args.store}: ${done} of ${known.size} jobs were done before, ${missing.length} were not stored yet`);

const bar = progressBar("millrace, durable");
const show = () => bar.show(done / files.length, `${done} of ${files.length} files; kill me and start me again`);
const count = () => {
  done += 1;
  show();
};
engine.on("completed", count);
engine.on("dead", count);
show();
await engine.start();
await engine.drain();
bar.end();
const { completed, dead } = (await engine.stats()).queues.default;
console.log(`${completed} files minified, ${dead} refused by terser. ${args.store} is deleted.`);
await engine.stop();
for (const suffix of ["", "-wal", "-shm", "-bell"]) rmSync(args.store + suffix, { force: true });
