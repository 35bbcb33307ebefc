/**
 * npm run bench [-- [micro] [throughput] [mainThread] [kills] [idle] [--smoke] [--save]]
 *
 * Without a name, all of them. --smoke runs everything for a moment, to see that it works. --save keeps the results in
 * bench/results, by date and name.
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { idleBench } from "./idle.js";
import { describeMachine, machineLines } from "./lib/machine.js";
import { type Options, save, type Section, toText } from "./lib/report.js";
import { killsBench } from "./macro/kills.js";
import { mainThreadBench } from "./macro/main-thread.js";
import { throughputBench } from "./macro/throughput.js";
import { microBench } from "./micro/main.js";

const BENCHES: Readonly<Record<string, (options: Options) => Promise<readonly Section[]>>> = {
  micro: microBench,
  throughput: throughputBench,
  mainThread: mainThreadBench,
  kills: killsBench,
  idle: idleBench,
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { smoke: { type: "boolean", default: false }, save: { type: "boolean", default: false } },
});
const unknown = positionals.find((name) => !(name in BENCHES));
if (unknown !== undefined) throw new RangeError(`there is no benchmark ${unknown}, only ${Object.keys(BENCHES).join(", ")}`);

const [name, ...others] = positionals.length > 0 ? positionals : Object.keys(BENCHES);
if (name !== undefined && others.length === 0) await runBench(name);
else runEach([name ?? "", ...others]);

async function runBench(what: string): Promise<void> {
  const machine = describeMachine();
  console.log([`\n# ${what}${values.smoke ? ", for a moment: the numbers mean nothing" : ""}\n`, ...machineLines(machine)].join("\n"));
  const sections = (await BENCHES[what]?.({ smoke: values.smoke })) ?? [];
  console.log(sections.map(toText).join("\n"));
  if (values.save) console.log(`\nSaved as ${await save(what, machine, sections)}`);
}

/** Each in a process of its own: what one taught the compiler must not decide how fast the next one is. */
function runEach(names: readonly string[]): void {
  const options = process.argv.slice(2).filter((argument) => argument.startsWith("--"));
  for (const one of names) {
    const { status } = spawnSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), one, ...options], { stdio: "inherit" });
    if (status !== 0) process.exitCode = 1;
  }
}
