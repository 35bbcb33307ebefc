/** One benchmark, in a process of its own: `main.ts` starts it. */

import { readFileSync } from "node:fs";
import { BENCHES } from "./benches.js";
import { parseCommand } from "./lib/command-line.js";
import { fallenRows, findFallen, TOLERANCE } from "./lib/compare.js";
import { describeMachine, machineLines } from "./lib/machine.js";
import { allRatios, type ResultFile, save, tableLines, toText } from "./lib/report.js";
import type { Ratios } from "./lib/ratio.js";

const { names, quick, json, huge, compare } = parseCommand();
const name = names[0] ?? "";
const bench = BENCHES[name];
if (bench === undefined) throw new RangeError(`there is no benchmark ${name}`);

const machine = describeMachine();
console.log([`\n# ${name}${quick ? ", for a moment: the numbers mean nothing" : ""}\n`, ...machineLines(machine)].join("\n"));
const sections = await bench({ quick, huge });
console.log(sections.map(toText).join("\n"));
if (json) console.log(`\nSaved as ${await save(name, { machine, sections, quick })}`);
if (compare !== undefined) compareWith(compare, allRatios(sections));

function compareWith(file: string, now: Ratios): void {
  const before = JSON.parse(readFileSync(file, "utf8")) as ResultFile;
  const fallen = findFallen(before.ratios, now);
  const percent = TOLERANCE * 100;
  if (fallen.length === 0) {
    console.log(`\nNothing of the ${Object.keys(before.ratios).length} that ${file} judges is worse by more than ${percent} %.`);
    return;
  }
  console.log(`\n## Worse than in ${file} by more than ${percent} %\n`);
  console.log(tableLines(["", "before", "now", "worse by"], fallenRows(fallen)).join("\n"));
  process.exitCode = 1;
}
