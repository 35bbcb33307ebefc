/**
 * Tortures an engine on real threads with jobs that throw, exit, loop, hang, eat memory and fail late, beside good ones:
 *
 *     npm run torture:threads -- --seconds 60
 *     npm run torture:threads -- --seconds 5 --seed 7
 *     npm run torture:threads -- --seconds 5 --control "nobody pays"       a broken engine, which must be noticed
 */

import { parseArgs } from "node:util";
import { SABOTAGES, type SabotageName } from "../faults/sabotage.js";
import type { JobRecord } from "./record.js";
import { torture, type TortureReport } from "./torture.js";
import { sum } from "./verdicts.js";

const MOST_SHOWN = 20;

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, seed: { type: "string", default: "1" }, control: { type: "string" } },
});
const sabotage = values.control === undefined ? undefined : SABOTAGES[values.control as SabotageName];
if (values.control !== undefined && sabotage === undefined) throw new Error(`controls are ${Object.keys(SABOTAGES).join(", ")}`);

// The engine warns of what is made on purpose.
process.emitWarning = () => undefined;
const report = await torture({ seed: Number(values.seed), ms: Number(values.seconds) * 1_000, sabotage });
print(report);
// A control must be noticed; the engine itself must not.
process.exitCode = report.violations.length > 0 === (sabotage !== undefined) ? 0 : 1;

function print({ recording, memory, violations }: TortureReport): void {
  const jobs = [...recording.jobs.values()];
  const kinds = [...new Set(jobs.map(({ kind }) => kind))].sort();
  console.table({ ...Object.fromEntries(kinds.map((name) => [name, totals(jobs.filter(({ kind }) => kind === name))])), all: totals(jobs) });
  console.log("ends of threads:", Object.fromEntries(recording.exits), `late: ${recording.lateExits}`);
  const [early, late] = [memory.early, memory.late].map((bytes) => `${Math.round(bytes / 2 ** 20)} MB`);
  console.log(`memory of the process: ${early} in the second quarter, ${late} in the last${memory.isLongEnough ? "" : " (too short to judge)"}`);
  for (const text of violations.slice(0, MOST_SHOWN)) console.log("violation:", text);
  console.log(`seed ${values.seed}, ${values.seconds} s: ${jobs.length} jobs, ${violations.length} violations`);
}

function totals(jobs: readonly JobRecord[]): Readonly<Record<string, number>> {
  const count = (of: (job: JobRecord) => number): number => jobs.reduce((total, job) => total + of(job), 0);
  return {
    "jobs": jobs.length,
    ...Object.fromEntries((["completed", "dead", "cancelled"] as const).map((state) => [state, count(({ ends }) => ends.filter((end) => end === state).length)])),
    "runs charged": count(({ attempts }) => attempts),
    "given back": count(({ free }) => free),
    "runs begun": count(({ began }) => sum(began)),
    "runs to the end": count(({ ended }) => sum(ended)),
    "late errors": count(({ lateErrors }) => lateErrors),
  };
}
