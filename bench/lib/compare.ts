/** The guard against regressions: what was judged before, beside what is judged now. */

import { show } from "./numbers.js";
import type { Ratio, Ratios } from "./ratio.js";

/** A ratio may be worse by this share of what it was. */
export const TOLERANCE = 0.15;

export interface Fallen {
  readonly key: string;
  readonly before: number;
  /** Null if it is not measured any more. */
  readonly now: number | null;
  /** By which share of what it was it is worse. */
  readonly worseBy: number;
}

export function findFallen(before: Ratios, now: Ratios): readonly Fallen[] {
  return Object.entries(before).flatMap(([key, old]): readonly Fallen[] => {
    const current = now[key];
    // What is not measured cannot be seen to fall. A NaN comes out of JSON as null.
    if (current === undefined || !Number.isFinite(current.median)) return [{ key, before: old.median, now: null, worseBy: Infinity }];
    const worseBy = worse(old, current);
    // A share of an allowance is not a matter of speed: it counts from where the allowance is used up.
    const isFallen = worseBy > TOLERANCE && !(old.allowance && current.median <= current.limit);
    return isFallen ? [{ key, before: old.median, now: current.median, worseBy }] : [];
  });
}

function worse(old: Ratio, current: Ratio): number {
  const rise = (current.median - old.median) / Math.abs(old.median);
  return old.better === "higher" ? -rise : rise;
}

export function fallenRows(fallen: readonly Fallen[]): readonly (readonly string[])[] {
  return fallen.map(({ key, before, now, worseBy }) => [key, show(before), ...(now === null ? ["not measured", "–"] : [show(now), `${show(worseBy * 100)} %`])]);
}
