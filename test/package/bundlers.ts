/** The builds of docs/bundlers.md, word for word, and what they built. */

import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Project } from "./project.js";
import { node, passed, run } from "./tools.js";

const RESULT = "9592\n";
/** What the document shows of the project's files. */
const SHOWN_FILES = ["jobs.ts", "server.ts", "vite.config.js", "vite.library.config.js"];
const VITE = ["vite build", "vite build --config vite.library.config.js"];

export async function checkBundlers({ folder, root }: Project): Promise<void> {
  const text = await readFile(join(root, "docs/bundlers.md"), "utf8");
  const cwd = join(folder, "bundled");
  for (const file of SHOWN_FILES) {
    assert.ok(text.includes(`// ${file}\n${await readFile(join(cwd, file), "utf8")}`), `docs/bundlers.md shows ${file} as it is`);
  }
  const shown = [...text.matchAll(/^esbuild .*$/gm)].map(([command]) => command);
  assert.equal(shown.length, 2, "docs/bundlers.md shows two commands");
  for (const command of [...shown, ...VITE]) await checkBuild(command, { cwd, folder });
}

async function checkBuild(command: string, { cwd, folder }: { readonly cwd: string; readonly folder: string }): Promise<void> {
  const [tool = "", ...args] = command.split(" ");
  await run(join(folder, "node_modules/.bin", tool), args, cwd);
  const server = command.includes("--format=cjs") ? "server.cjs" : "server.js";
  const built = await readFile(join(cwd, "out", server), "utf8");
  assert.match(built, /(from|require\()\s*"millrace"/, "millrace stays external");
  assert.equal(await node([join("out", server)], cwd), RESULT);
  await rm(join(cwd, "out"), { recursive: true });
  passed(`bundled and run: ${command}`);
}
