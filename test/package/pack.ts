/** The tarball, as `npm publish` would make it, and what is in it. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { dirname, join, parse } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { node, passed, run } from "./tools.js";

export interface Packed {
  readonly tarball: string;
  /** Paths inside the package. */
  readonly files: readonly string[];
}

interface PackReport {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

export async function pack(root: string, into: string): Promise<Packed> {
  // What is packed was built just before.
  const output = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", into], root);
  const [report] = JSON.parse(output) as readonly PackReport[];
  assert.ok(report !== undefined);
  const files = report.files.map(({ path }) => path);
  passed(`packed: ${report.filename}, ${files.length} files, ${Math.ceil(report.size / 1024)} kB`);
  return { tarball: join(into, report.filename), files };
}

const DOCUMENTS = ["CHANGELOG.md", "LICENSE", "README.md", "package.json"];
const BUILT = /^dist\/(?:src|workers)\/.+(?:\.js|\.d\.ts|\.js\.map|\.cjs|\.d\.cts|\.cjs\.map)$/;

/** Documents and built files, each with its source here, and nothing else. */
export async function checkContents({ files }: Packed, root: string): Promise<void> {
  const built = files.filter((path) => BUILT.test(path));
  assert.deepEqual(files.filter((path) => !BUILT.test(path)).sort(), DOCUMENTS, "beside what is built, exactly these files are packed");
  const tracked = await run("git", ["ls-files", "--cached", "--others", "--exclude-standard", "src", "workers"], root);
  const expected = tracked.split("\n").filter(Boolean).flatMap(builtFrom);
  assert.deepEqual(built.sort(), expected.sort(), "every source is packed as built, and nothing else is");
  passed("contents: what is built of src and workers, and the documents");
  for (const map of built.filter((path) => path.endsWith(".map"))) await checkMap(join(root, map));
  passed("source maps carry their sources");
}

/** What the compiler writes of a source: `.js` of `.ts`, `.cjs` of `.cts`, with types and source map. */
function builtFrom(source: string): string[] {
  const { dir, name, ext } = parse(source);
  const kind = /^\.(c?)ts$/.exec(ext)?.[1];
  assert.ok(kind !== undefined, `${source} is TypeScript`);
  return [`${kind}js`, `d.${kind}ts`, `${kind}js.map`].map((ending) => `dist/${dir}/${name}.${ending}`);
}

async function checkMap(path: string): Promise<void> {
  const { sources, sourcesContent } = JSON.parse(await readFile(path, "utf8")) as { sources: string[]; sourcesContent?: (string | null)[] };
  for (const [index, source] of sources.entries()) {
    const packed = sourcesContent?.[index];
    assert.equal(packed, await readFile(join(dirname(path), source), "utf8"), `${path} carries ${source}`);
  }
}

export async function lint({ tarball }: Packed, root: string): Promise<void> {
  const bytes = await readFile(tarball);
  const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(bytes).buffer }, strict: true });
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg)),
    [],
    "publint has nothing to say",
  );
  passed("publint");
  const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
  await node([attw, tarball, "--profile", "esm-only", "--no-definitely-typed"], root);
  passed("attw --profile esm-only");
}
