/** Libraries in C that come between a process and the system, to see what it does to the disk, or to do something to it. */

import { spawnSync } from "node:child_process";

const COMPILERS = ["cc", "gcc", "clang"];
/** Checked variants of the calls are inline functions, which a second definition would collide with. */
const FLAGS = ["-shared", "-fPIC", "-O1", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=0"];

/** Why there is nothing to do here; `null` if it can be done. */
export function whyNoPreload(): string | null {
  if (process.platform !== "linux") return "libraries can be preloaded on Linux only";
  return compiler() === undefined ? `none of ${COMPILERS.join(", ")} is installed` : null;
}

function compiler(): string | undefined {
  return COMPILERS.find((name) => spawnSync(name, ["--version"]).status === 0);
}

export function compilePreload(source: string, target: string): void {
  const { status, stderr } = spawnSync(compiler() ?? "cc", [...FLAGS, "-o", target, source, "-ldl", "-lpthread"], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${source} does not compile: ${stderr}`);
}
