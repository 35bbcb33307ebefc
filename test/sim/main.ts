/**
 * Simulates the whole engine, with faults, thousands of times:
 *
 *     npm run sim -- --seeds 10000            many seeds
 *     npm run sim -- --seed 1234              one seed, with its trace
 *     npm run sim -- --seed 1234 --minimise   … and which faults it takes
 *     npm run sim -- --control fence          a broken engine, which must be noticed
 */

import { parseArgs } from "node:util";
import { CONTROLS, NO_CONTROL } from "./controls.js";
import { simulate } from "./simulate.js";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    without: { type: "string", default: "" },
    control: { type: "string" },
    minimise: { type: "boolean", default: false },
  },
});

const control = values.control === undefined ? NO_CONTROL : CONTROLS[values.control];
if (control === undefined) throw new Error(`controls are ${Object.keys(CONTROLS).join(", ")}`);
process.emitWarning = () => undefined;
const without = new Set(values.without.split(",").filter((name) => name !== ""));
if (values.seed !== undefined) {
  const report = await simulate(Number(values.seed), { control, without, keepTrace: true });
  console.log(report.trace.join("\n"));
  console.log(report.violations, report.hash, Object.fromEntries(report.happened));
} else {
  let steps = 0, ms = 0, bad = 0;
  const happened = new Map<string, number>();
  const t = performance.now();
  for (let seed = Number(values.from); seed < Number(values.from) + Number(values.seeds); seed += 1) {
    const began = performance.now();
    const report = await simulate(seed, { control, without });
    if (process.env["SLOW"] !== undefined && performance.now() - began > 300) console.log("slow", seed, report.steps, Math.round(performance.now() - began));
    steps += report.steps;
    ms += report.simulatedMs;
    for (const [k, v] of report.happened) happened.set(k, (happened.get(k) ?? 0) + v);
    if (report.violations.length > 0) {
      bad += 1;
      if (bad < 40) console.log(seed, report.violations.map((v) => `[${v.invariant}] ${v.text}`).join(" | ").slice(0, 220));
    }
  }
  console.log({ bad, steps, ms, wall: performance.now() - t, happened: Object.fromEntries(happened) });
}
