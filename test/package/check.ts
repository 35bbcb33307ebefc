/** Checks the package as its users get it: packs it, looks into the tarball, installs it in a new project and works with it there. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkBundlers } from "./bundlers.js";
import { checkContents, lint, pack } from "./pack.js";
import { checkCommonJs, checkEntries, checkFirstJob, checkTypeScript, makeProject } from "./project.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "millrace-package-"));
try {
  const packed = await pack(root, folder);
  await checkContents(packed, root);
  await lint(packed, root);
  const project = await makeProject({ folder, root, tarball: packed.tarball });
  await checkEntries(project);
  await checkFirstJob(project);
  await checkCommonJs(project);
  await checkTypeScript(project);
  await checkBundlers(project);
} finally {
  await rm(folder, { recursive: true });
}
