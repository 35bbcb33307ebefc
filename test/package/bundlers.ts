/** The builds of docs/bundlers.md, word for word, and what they built. */

import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Project } from "./project.js";
import { node, passed, run } from "./tools.js";

const RESULT = "9592\n";
/** What the document shows of the project's files. */
const SHOWN_FILES = ["primes.js", "jobs.js", "main.js", "vite.config.js", "vite.library.config.js"];
const VITE = ["vite build", "vite build --config vite.library.config.js"];

export async function checkBundlers({ folder, root }: Project): Promise<void> {
  const text = await readFile(join(root, "docs/bundlers.md"), "utf8");
  const javaScript = join(folder, "bundled");
  for (const file of SHOWN_FILES) {
    assert.ok(text.includes(`\n${await readFile(join(javaScript, file), "utf8")}\`\`\``), `docs/bundlers.md shows ${file} as it is`);
  }
  const shown = [...text.matchAll(/^esbuild .*$/gm)].map(([command]) => command);
  assert.equal(shown.length, 2, "docs/bundlers.md shows two commands");
  for (const command of [...shown, ...VITE]) await checkBuild(command, { cwd: javaScript, folder });
  const typeScript = await asTypeScript(javaScript);
  for (const command of [...shown, ...VITE]) await checkBuild(command.replaceAll(/\b(main|commonjs|jobs)\.js\b/g, "$1.ts"), { cwd: typeScript, folder });
}

/** The same project with the sources called TypeScript. What is named in URLs stays: it is what will be built. */
async function asTypeScript(javaScript: string): Promise<string> {
  const folder = `${javaScript}-typescript`;
  await mkdir(folder);
  for (const file of await readdir(javaScript)) {
    const text = await readFile(join(javaScript, file), "utf8");
    if (file.startsWith("vite.")) await writeFile(join(folder, file), text.replaceAll(/"(main|jobs)\.js"/g, '"$1.ts"'));
    else await writeFile(join(folder, file.replace(".js", ".ts")), text);
  }
  return folder;
}

async function checkBuild(command: string, { cwd, folder }: { readonly cwd: string; readonly folder: string }): Promise<void> {
  const [tool = "", ...args] = command.split(" ");
  await run(join(folder, "node_modules/.bin", tool), args, cwd);
  const main = command.includes("--format=cjs") ? "main.cjs" : "main.js";
  const built = await readFile(join(cwd, "out", main), "utf8");
  assert.match(built, /(from|require\()\s*"millrace"/, "millrace stays external");
  assert.equal(await node([join("out", main)], cwd), RESULT);
  await rm(join(cwd, "out"), { recursive: true });
  passed(`bundled and run, ${basename(cwd)}: ${command}`);
}
