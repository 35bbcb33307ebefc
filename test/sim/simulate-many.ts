/** Many seeds, one after the other, and what came of them. */

import type { Control } from "./controls.js";
import { simulate, type StorageKind } from "./simulate.js";

type Report = Awaited<ReturnType<typeof simulate>>;

export interface Sum {
  readonly bad: readonly { readonly seed: number; readonly violations: Report["violations"] }[];
  readonly steps: number;
  readonly simulatedMs: number;
  /** How often each fault and feature really happened: one that never does proves nothing. */
  readonly happened: ReadonlyMap<string, number>;
}

export async function simulateMany(options: {
  readonly from: number;
  readonly seeds: number;
  readonly control: Control;
  readonly storage?: StorageKind;
  readonly without?: ReadonlySet<string>;
  /** The first violation is enough. */
  readonly untilBad?: boolean;
}): Promise<Sum> {
  const { from, seeds, control, storage = "memory", without = new Set<string>(), untilBad = false } = options;
  const bad: { seed: number; violations: Report["violations"] }[] = [];
  const happened = new Map<string, number>();
  let steps = 0;
  let simulatedMs = 0;
  for (let seed = from; seed < from + seeds; seed += 1) {
    const report = await simulate(seed, { storage, control, without });
    steps += report.steps;
    simulatedMs += report.simulatedMs;
    for (const [what, times] of report.happened) happened.set(what, (happened.get(what) ?? 0) + times);
    if (report.violations.length > 0) bad.push({ seed, violations: report.violations });
    if (untilBad && bad.length > 0) break;
  }
  return { bad, steps, simulatedMs, happened };
}
