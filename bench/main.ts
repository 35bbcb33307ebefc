/**
 * npm run bench [-- [names] [--quick] [--json] [--huge] [--compare bench/results/<file>.json]]
 *
 * Without a name, all of them. --quick runs everything for a moment, to see that it works. --json keeps the results in
 * bench/results, by date and name. --huge adds what takes minutes and gigabytes. --compare runs the benchmark of that file
 * again, and fails if something judged in it became worse by more than 15 %.
 */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BENCHES } from "./benches.js";
import { parseCommand } from "./lib/command-line.js";
import type { ResultFile } from "./lib/report.js";

const command = parseCommand();
const { names, compare } = command;
const unknown = names.find((name) => !(name in BENCHES));
if (unknown !== undefined) throw new RangeError(`there is no benchmark ${unknown}, only ${Object.keys(BENCHES).join(", ")}`);
if (compare !== undefined && names.length > 0) throw new RangeError("--compare takes the benchmark from the file: name none");

const flags = (["quick", "json", "huge"] as const).filter((flag) => command[flag]).map((flag) => `--${flag}`);
if (compare !== undefined) {
  const { what, ratios } = JSON.parse(readFileSync(compare, "utf8")) as Partial<ResultFile>;
  if (what === undefined || !(what in BENCHES) || Object.keys(ratios ?? {}).length === 0) {
    throw new RangeError(`${compare} holds nothing that can be compared: only results with ratios can, made by --json`);
  }
  runInOwnProcess(what, [...flags, "--compare", compare]);
} else {
  for (const name of names.length > 0 ? names : Object.keys(BENCHES)) runInOwnProcess(name, flags);
}

/** What one taught the compiler must not decide how fast the next one is. And each may collect garbage when it likes. */
function runInOwnProcess(name: string, options: readonly string[]): void {
  const script = fileURLToPath(new URL("one.ts", import.meta.url));
  const { status } = spawnSync(process.execPath, [...process.execArgv, "--expose-gc", script, name, ...options], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
