import { OptionsError } from "../errors.js";
import { type Duration, LATEST_TIME, parseDuration, show } from "./duration.js";
import { rejectUnknownKeys } from "./options.js";

/** Retry k waits `base ** k` seconds, at most `maxDelayMs`, give or take `jitter`. Made by `exponential()`. */
export interface ExponentialBackoff {
  readonly kind: "exponential";
  readonly base: number;
  readonly maxDelayMs: number;
  readonly jitter: number;
}

/** Every retry waits the same time. Made by `linear()`. */
export interface LinearBackoff {
  readonly kind: "linear";
  readonly delayMs: number;
}

/** A backoff that is plain data, and so can be stored with a job. */
export type Backoff = ExponentialBackoff | LinearBackoff;

/**
 * A backoff of your own: the milliseconds to wait before retry `attempt` (1 for the first). Called in the thread that ran
 * the job. If it throws or returns nonsense, the default backoff applies.
 */
export type CustomBackoff = (attempt: number, error: Error) => number;

/**
 * Retry k waits `base ** k` seconds: 2, 4, 8 … by default.
 *
 * @param options.base default 2
 * @param options.maxDelay no wait is longer; default `"1h"`
 * @param options.jitter how far a wait may stray, as a part of it, from 0 to 1; default 0.1
 * @throws OptionsError
 * @example exponential({ base: 3, maxDelay: "10m", jitter: 0 })
 */
export function exponential(
  options: { readonly base?: number; readonly maxDelay?: Duration; readonly jitter?: number } = {},
): ExponentialBackoff {
  rejectUnknownKeys(options, ["base", "maxDelay", "jitter"], "exponential");
  const { base = 2, maxDelay = "1h", jitter = 0.1 } = options;
  if (typeof base !== "number" || !Number.isFinite(base) || base < 0) {
    throw new OptionsError(`base must be a number that is not negative, but is ${show(base)}`);
  }
  if (typeof jitter !== "number" || !(jitter >= 0 && jitter <= 1)) {
    throw new OptionsError(`jitter must be a number from 0 to 1, but is ${show(jitter)}`);
  }
  return Object.freeze({ kind: "exponential", base, maxDelayMs: parseDuration(maxDelay, "maxDelay"), jitter });
}

/**
 * Every retry waits the same time.
 *
 * @throws OptionsError
 * @example linear("5s")
 */
export function linear(delay: Duration): LinearBackoff {
  return Object.freeze({ kind: "linear", delayMs: parseDuration(delay, "delay") });
}

export const DEFAULT_BACKOFF: ExponentialBackoff = exponential();

/**
 * The wait before a retry, in ms: finite and never negative, however large the numbers.
 *
 * @param retry 1 for the first
 * @param random in [0, 1)
 */
export function retryDelayMs(backoff: Backoff, retry: number, random: number): number {
  if (backoff.kind === "linear") return Math.min(backoff.delayMs, LATEST_TIME);
  const { base, jitter } = backoff;
  const longestMs = Math.min(backoff.maxDelayMs, LATEST_TIME);
  const delayMs = Math.min(base ** retry * 1_000, longestMs);
  const strayed = delayMs * (1 + jitter * (2 * random - 1));
  // Folded back below the maximum rather than cut off there, so that many jobs at the maximum still spread.
  return strayed > longestMs ? 2 * longestMs - strayed : strayed;
}

/** Narrows what a user gave as a backoff that can be stored. */
export function isBackoff(value: unknown): value is Backoff {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  const { kind, base, maxDelayMs, jitter, delayMs } = value as Partial<ExponentialBackoff> & Partial<Omit<LinearBackoff, "kind">>;
  const isLength = (ms: unknown): boolean => typeof ms === "number" && Number.isFinite(ms) && ms >= 0;
  if ((kind as unknown) === "linear") return isLength(delayMs);
  return kind === "exponential" && isLength(base) && isLength(maxDelayMs) && isLength(jitter) && Number(jitter) <= 1;
}
