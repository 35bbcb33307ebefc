/**
 * Simulates the whole engine, with faults, thousands of times:
 *
 *     npm run sim -- --seeds 10000            many seeds
 *     npm run sim -- --seed 1234              one seed, with its trace
 *     npm run sim -- --storage sqlite         with the jobs in a file
 *     npm run sim -- --control fence          a broken engine, which must be noticed
 */

import { parseArgs } from "node:util";
import { CONTROLS, FILE_CONTROLS, NO_CONTROL } from "./controls.js";
import { simulate } from "./simulate.js";
import { simulateMany } from "./simulate-many.js";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    without: { type: "string", default: "" },
    control: { type: "string" },
    storage: { type: "string", default: "memory" },
  },
});

const control = values.control === undefined ? NO_CONTROL : { ...CONTROLS, ...FILE_CONTROLS }[values.control];
if (control === undefined) throw new Error(`controls are ${Object.keys({ ...CONTROLS, ...FILE_CONTROLS }).join(", ")}`);
const { storage } = values;
if (storage !== "memory" && storage !== "sqlite") throw new Error("storage is memory or sqlite");
process.emitWarning = () => undefined;
const without = new Set(values.without.split(",").filter((name) => name !== ""));
if (values.seed !== undefined) {
  const report = await simulate(Number(values.seed), { storage, control, without, keepTrace: true });
  console.log(report.trace.join("\n"));
  console.log(report.violations, report.hash, Object.fromEntries(report.happened));
  process.exitCode = report.violations.length > 0 ? 1 : 0;
} else {
  const { from, seeds } = values;
  const startedAt = performance.now();
  const sum = await simulateMany({ from: Number(from), seeds: Number(seeds), storage, control, without });
  for (const { seed, violations } of sum.bad) console.log(seed, violations.map(({ invariant, text }) => `[${invariant}] ${text}`).join(" | "));
  console.log("faults and features that happened:", Object.fromEntries([...sum.happened].sort()));
  const hours = (sum.simulatedMs / 3_600_000).toFixed(1);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`${seeds} seeds from ${from}: ${sum.steps} steps, ${hours} simulated hours in ${seconds} s; ${sum.bad.length} seeds with violations`);
  // A control must be noticed; the engine itself must not.
  const isExpected = (sum.bad.length > 0) === (control !== NO_CONTROL);
  process.exitCode = isExpected ? 0 : 1;
}
