/** A new project that installs the tarball, and what works in it. */

import assert from "node:assert/strict";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { node, passed, run } from "./tools.js";

export interface Project {
  /** Of the new project. */
  readonly folder: string;
  /** Of this repository. */
  readonly root: string;
}

const require = createRequire(import.meta.url);
/** In the versions that this repository works with. */
const TOOLS = ["@types/node", "esbuild", "vite"];
const RESULT = "9227465\n";

export async function makeProject({ folder, root, tarball }: Project & { readonly tarball: string }): Promise<Project> {
  const project = join(folder, "project");
  await mkdir(project);
  await cp(fileURLToPath(new URL("./project", import.meta.url)), project, { recursive: true });
  await cp(join(root, "examples/first-job"), join(project, "first-job"), { recursive: true });
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }));
  const tools = TOOLS.map((name) => `${name}@${versionOf(name)}`);
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball, ...tools], project);
  passed(`installed in a new project, with ${tools.join(", ")}`);
  return { folder: project, root };
}

/** Every entry of `exports` loads, by `import` and, where Node can, by `require`. */
export async function checkEntries({ folder, root }: Project): Promise<void> {
  const { exports: entries } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { exports: Record<string, unknown> };
  const names = Object.keys(entries).map((key) => `millrace${key.slice(1)}`);
  const modules = names.filter((name) => !name.endsWith(".json"));
  const imported = await namesOf(folder, `Promise.all(${JSON.stringify(modules)}.map((name) => import(name)))`);
  for (const [index, name] of modules.entries()) assert.ok((imported[index]?.length ?? 0) > 0, `${name} exports something`);
  passed(`import: ${modules.join(", ")}`);
  const canRequire = (process.features as { readonly require_module?: boolean }).require_module === true;
  const required = canRequire ? names : names.filter((name) => name.endsWith(".json"));
  const found = await namesOf(folder, `${JSON.stringify(required)}.map(createRequire(import.meta.url))`);
  assert.deepEqual(found.slice(0, modules.length), canRequire ? imported : [found[0]], "require gives what import gives");
  passed(`require: ${required.join(", ")}`);
}

/** The names that each of the modules exports. */
async function namesOf(folder: string, modules: string): Promise<readonly (readonly string[])[]> {
  const script = `import { createRequire } from "node:module"; console.log(JSON.stringify((await ${modules}).map((one) => Object.keys(one).filter((name) => name !== "module.exports").sort())));`;
  return JSON.parse(await node(["--input-type=module", "--eval", script], folder)) as readonly (readonly string[])[];
}

/** The first job, as README shows it. */
export async function checkFirstJob({ folder, root }: Project): Promise<void> {
  const readme = await readFile(join(root, "README.md"), "utf8");
  for (const file of ["jobs.js", "main.js"]) {
    const text = await readFile(join(folder, "first-job", file), "utf8");
    assert.ok(readme.includes(text), `README shows examples/first-job/${file} as it is`);
  }
  assert.equal(await node(["main.js"], join(folder, "first-job")), RESULT);
  passed("README's first job");
}

export async function checkCommonJs({ folder }: Project): Promise<void> {
  if ((process.features as { readonly require_module?: boolean }).require_module !== true) return;
  assert.equal(await node(["main.cjs"], join(folder, "commonjs")), RESULT);
  passed("the same in CommonJS");
}

export async function checkTypeScript({ folder }: Project): Promise<void> {
  const typescript = join(folder, "typescript");
  assert.equal(await node(["--import", import.meta.resolve("tsx"), "main.ts"], typescript), RESULT);
  passed(`the same in TypeScript: tsx ${versionOf("tsx")}`);
  const tsc = require.resolve("typescript/bin/tsc");
  const configs = [
    ["--module", "NodeNext"],
    ["--module", "ESNext", "--moduleResolution", "bundler"],
    // As a server has it: without the types of a browser.
    ["--lib", "ES2022"],
  ];
  for (const options of configs) {
    await node([tsc, "--project", "tsconfig.json", ...options], typescript);
    passed(`tsc ${versionOf("typescript")}, strict, without skipLibCheck: ${options.join(" ")}`);
  }
}

function versionOf(name: string): string {
  return (require(`${name}/package.json`) as { readonly version: string }).version;
}
