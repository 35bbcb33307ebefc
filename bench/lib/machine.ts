/** Where something was measured: without it a number means nothing. */

import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";

const ROOT = new URL("../../", import.meta.url);
const PACKAGES: Readonly<Record<string, URL>> = {
  millrace: ROOT,
  ...Object.fromEntries(["piscina", "msgpackr", "comlink", "tinybench", "better-sqlite3", "plainjob"].map((name) => [name, new URL(`node_modules/${name}/`, ROOT)])),
};

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly v8: string;
  readonly packages: Readonly<Record<string, string>>;
  /** Of the last minute, before the benchmark began: others may have been at work. */
  readonly loadBefore: number;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    v8: process.versions.v8,
    packages: Object.fromEntries(Object.entries(PACKAGES).map(([name, folder]) => [name, versionIn(folder)])),
    loadBefore: loadavg()[0] ?? NaN,
  };
}

export function machineLines(machine: Machine): readonly string[] {
  const { cpu, cores, memoryGb, system, node, v8, packages, loadBefore } = machine;
  return [
    `${cpu}, ${cores} cores, ${memoryGb} GB, ${system}; load of the machine before: ${loadBefore.toFixed(2)}`,
    `Node ${node} (V8 ${v8}); ${Object.entries(packages)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}`,
  ];
}

/** Read as a file, because not every package exports its own package.json. */
function versionIn(folder: URL): string {
  return (JSON.parse(readFileSync(new URL("package.json", folder), "utf8")) as { readonly version: string }).version;
}
