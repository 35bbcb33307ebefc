import { OptionsError } from "../errors.js";

/** Milliseconds as a number, or a string such as `"30s"`: a number and one of `ms s m h d`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A duration in milliseconds.
 *
 * @param option how the value is called in the error
 * @throws OptionsError if it is not a duration, negative, or below `minMs`
 */
export function parseDuration(value: unknown, option: string, { minMs = 0 }: { readonly minMs?: number } = {}): number {
  const ms = typeof value === "string" ? parseText(value) : value;
  if (typeof ms !== "number" || !Number.isFinite(ms) || ms < minMs) {
    const least = minMs > 0 ? `of at least ${minMs} ms` : "that is not negative";
    throw new OptionsError(`${option} must be a duration ${least}, as milliseconds or like "30s", but is ${show(value)}`);
  }
  return ms;
}

function parseText(text: string): number {
  const match = /^(\d{1,15}(?:\.\d{1,15})?)(ms|s|m|h|d)$/.exec(text);
  const unitMs = match?.[2] === undefined ? undefined : UNIT_MS[match[2]];
  return unitMs === undefined ? NaN : Number(match?.[1]) * unitMs;
}

/** The latest time a `Date` can hold, in ms since the epoch. */
export const LATEST_TIME = 8.64e15;

/** The time `delayMs` after `now`: at most the latest there is, so that sums of legal numbers do not overflow. */
export function later(now: number, delayMs: number): number {
  return Math.min(now + delayMs, LATEST_TIME);
}

/** A short picture of a wrong option for an error message. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
