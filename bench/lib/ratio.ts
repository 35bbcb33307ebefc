/** What is judged: a number by round, its limit, and whether its median keeps to it. Kept in result files under a stable key. */

import { show, showRange, summarize, type Summary } from "./numbers.js";

/** `aim` is what we would like, `allowance` says that the number is a share of what is allowed, not a ratio of two rates. */
export type Bound =
  | { readonly atLeast: number; readonly aim?: number }
  | { readonly atMost: number; readonly aim?: number; readonly allowance?: boolean };

export interface Ratio extends Summary {
  /** How many rounds. */
  readonly n: number;
  readonly limit: number;
  readonly better: "higher" | "lower";
  readonly aim: number | null;
  /** Of an allowance, what lies below 1 is as good as any: there is room, and small numbers jump about. */
  readonly allowance: boolean;
  readonly ok: boolean;
}

export type Ratios = Readonly<Record<string, Ratio>>;

export function judge(values: readonly number[], bound: Bound): Ratio {
  const summary = summarize(values);
  const isLower = "atMost" in bound;
  const limit = isLower ? bound.atMost : bound.atLeast;
  return {
    ...summary,
    n: values.length,
    limit,
    better: isLower ? "lower" : "higher",
    aim: bound.aim ?? null,
    allowance: isLower && (bound.allowance ?? false),
    // Not a number is never good.
    ok: isLower ? summary.median <= limit : summary.median >= limit,
  };
}

/** Round by round, since neighbours in time meet the same machine. */
export function quotients(values: readonly number[], others: readonly number[]): readonly number[] {
  return values.map((value, round) => value / (others[round] ?? NaN));
}

/** The cells of a judged number in a table: its values, its limit, how it did. */
export function ratioCells(ratio: Ratio | undefined): readonly string[] {
  if (ratio === undefined) return ["–", "–", "–"];
  const { limit, better, aim, ok } = ratio;
  const sign = better === "higher" ? "≥" : "≤";
  return [showRange(ratio), `${sign} ${show(limit)}${aim === null ? "" : `, aim ${show(aim)}`}`, ok ? "ok" : "MISSED"];
}
