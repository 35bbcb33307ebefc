/** One seed: a whole life of engines in simulated time, and what was wrong with it. */

import { type Control, NO_CONTROL } from "./controls.js";
import { finale } from "./finale.js";
import { Lives } from "./life.js";
import { makePlan } from "./plan.js";
import type { Violation } from "./runs.js";
import { sharedMemory } from "./shared-storage.js";
import { SimFile } from "./sim-file.js";
import { Workload } from "./workload.js";
import { World } from "./world.js";

export interface Report {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly steps: number;
  readonly simulatedMs: number;
  readonly jobs: number;
  readonly happened: ReadonlyMap<string, number>;
  readonly hash: string;
  readonly trace: readonly string[];
}

/** Where the jobs are. */
export type StorageKind = "memory" | "sqlite";

export interface SimulationOptions {
  readonly storage?: StorageKind;
  readonly control?: Control;
  readonly keepTrace?: boolean;
  /** Faults and features to leave out, to find out which of them a violation needs. */
  readonly without?: ReadonlySet<string>;
}

export async function simulate(seed: number, { storage = "memory", control = NO_CONTROL, keepTrace = false, without = new Set() }: SimulationOptions = {}): Promise<Report> {
  const plan = makePlan(seed, without);
  const world = new World(plan, { keepTrace });
  const { time, ledger, trace } = world;
  trace.write(`seed ${seed}: ${[...plan.enabled].join(" ")}`);
  trace.write(`queues ${JSON.stringify(plan.queues)}, ${plan.calls} calls within ${plan.busyMs} ms`);
  const shared = storage === "sqlite" ? new SimFile(world, control.triggers) : await sharedMemory();
  const lives = new Lives(world, { shared, control });
  const workload = new Workload(lives);
  lives.start(lives.current);
  workload.begin();
  await time.run(plan.busyMs, () => ledger.violations.length > 0);
  if (ledger.violations.length === 0) await finale(lives, workload);
  const damage = shared.end();
  if (damage !== null) ledger.violate(6, damage);
  if (time.isExhausted) ledger.violate(21, `${time.steps} things happened within ${Math.round(time.monotonic)} ms`);
  for (const { flaky } of lives.all) for (const [fault, count] of Object.entries(flaky.faults)) world.note(fault, count);
  return {
    ...{ seed, steps: time.steps, simulatedMs: time.monotonic, jobs: ledger.jobs.size },
    violations: ledger.violations,
    happened: world.happened,
    hash: trace.hash,
    trace: trace.lines,
  };
}
