import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OptionsError } from "../../../src/errors.js";
import { type Backoff, DEFAULT_BACKOFF, exponential, isBackoff, linear, retryDelayMs } from "../../../src/job/backoff.js";
import { seededRandom } from "../../../src/testing/seeded-random.js";

const MIDDLE = 0.5;
const LAST = 1 - 2 ** -53;
const HOUR_MS = 3_600_000;

describe("a flood of retries", () => {
  it("of 10,000 jobs that failed at once is spread over the jitter", () => {
    const random = seededRandom(1);
    for (const retry of [1, 2, 3]) {
      const waits = Array.from({ length: 10_000 }, () => retryDelayMs(DEFAULT_BACKOFF, retry, random()));
      const windows = new Map<number, number>();
      for (const wait of waits) windows.set(Math.floor(wait / 100), (windows.get(Math.floor(wait / 100)) ?? 0) + 1);
      const jitterMs = 2 * 0.1 * 2 ** retry * 1_000;
      const uniform = (waits.length * 100) / jitterMs;
      expect(Math.max(...windows.values())).toBeLessThanOrEqual(3 * uniform);
      expect(windows.size).toBeGreaterThanOrEqual(jitterMs / 100);
    }
  });
});

describe("the wait before a retry", () => {
  it.each<{ readonly backoff: Backoff; readonly random?: number; readonly waits: readonly number[] }>([
    { backoff: DEFAULT_BACKOFF, waits: [2_000, 4_000, 8_000, 16_000, 32_000] },
    { backoff: DEFAULT_BACKOFF, random: 0, waits: [1_800, 3_600, 7_200] },
    { backoff: exponential({ jitter: 0 }), random: 0, waits: [2_000, 4_000, 8_000] },
    { backoff: exponential({ jitter: 0 }), random: LAST, waits: [2_000, 4_000, 8_000] },
    { backoff: exponential({ jitter: 1 }), random: 0, waits: [0, 0, 0] },
    { backoff: exponential({ base: 3, jitter: 0 }), waits: [3_000, 9_000, 27_000] },
    { backoff: exponential({ base: 1, jitter: 0 }), waits: [1_000, 1_000, 1_000] },
    { backoff: exponential({ base: 0 }), waits: [0, 0, 0] },
    { backoff: exponential({ base: 0.5, jitter: 0 }), waits: [500, 250, 125] },
    { backoff: exponential({ base: 10, maxDelay: "30s", jitter: 0 }), waits: [10_000, 30_000, 30_000] },
    { backoff: exponential({ base: 10, maxDelay: 0 }), waits: [0, 0, 0] },
    { backoff: exponential({ base: 1e300, jitter: 0 }), waits: [HOUR_MS, HOUR_MS, HOUR_MS] },
    // At the maximum they still spread, but downwards only.
    { backoff: exponential({ base: 100, maxDelay: "10s", jitter: 0.5 }), random: 0.75, waits: [7_500, 7_500] },
    { backoff: exponential({ base: 100, maxDelay: "10s", jitter: 0.5 }), random: 0.25, waits: [7_500, 7_500] },
    { backoff: linear("90s"), waits: [90_000, 90_000, 90_000] },
    { backoff: linear(0), random: 0, waits: [0, 0] },
    { backoff: linear(1.5), random: LAST, waits: [1.5, 1.5] },
  ])("$backoff, random $random", ({ backoff, random = MIDDLE, waits }) => {
    expect(waits.map((_, index) => retryDelayMs(backoff, index + 1, random))).toEqual(waits);
  });

  it("is a number from 0 to the maximum, for all numbers", () => {
    const size = fc.oneof(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, 1, Number.MAX_VALUE, Number.MIN_VALUE, 8.64e15));
    const anyBackoff = fc.oneof(
      fc.record({ base: size, maxDelay: size, jitter: fc.double({ min: 0, max: 1, noNaN: true }) }).map((options) => exponential(options)),
      size.map((delay) => linear(delay)),
    );
    const retries = fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.constantFrom(1e9, Number.MAX_SAFE_INTEGER));
    fc.assert(
      fc.property(anyBackoff, retries, fc.double({ min: 0, max: LAST, noNaN: true }), (backoff, retry, random) => {
        const waitMs = retryDelayMs(backoff, retry, random);
        const longestMs = backoff.kind === "linear" ? backoff.delayMs : backoff.maxDelayMs;
        return waitMs >= 0 && waitMs <= longestMs && waitMs <= 8.64e15;
      }),
      { numRuns: 2_000 },
    );
  });

  it("strays no further than the jitter says", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: LAST, noNaN: true }), fc.integer({ min: 1, max: 11 }), (jitter, random, retry) => {
        const waitMs = retryDelayMs(exponential({ jitter }), retry, random);
        const middleMs = 2 ** retry * 1_000;
        return Math.abs(waitMs - middleMs) <= middleMs * jitter + 1e-6;
      }),
    );
  });
});

describe("exponential and linear", () => {
  it("have these defaults, and are frozen data", () => {
    expect(exponential()).toEqual({ kind: "exponential", base: 2, maxDelayMs: HOUR_MS, jitter: 0.1 });
    expect(DEFAULT_BACKOFF).toEqual(exponential({}));
    expect(linear("5s")).toEqual({ kind: "linear", delayMs: 5_000 });
    for (const backoff of [exponential(), linear(1)]) {
      expect(Object.isFrozen(backoff)).toBe(true);
      expect(structuredClone(backoff)).toEqual(backoff);
    }
  });

  it.each([
    ...[-1, NaN, Infinity, "2", null, 2n].map((base) => ({ base })),
    ...[-0.1, 1.1, NaN, Infinity, "0", null].map((jitter) => ({ jitter })),
    ...[-1, NaN, Infinity, "1", "soon", null].map((maxDelay) => ({ maxDelay })),
  ])("exponential refuses %o and says which option is wrong", (options) => {
    const [name] = Object.keys(options);
    expect(() => exponential(options as object)).toThrow(OptionsError);
    expect(() => exponential(options as object)).toThrow(name);
  });

  it.each([-1, NaN, Infinity, "5", null, undefined, {}])("linear refuses %o", (delay) => {
    expect(() => linear(delay as number)).toThrow(OptionsError);
  });
});

describe("isBackoff", () => {
  it.each<readonly [unknown, boolean]>([
    [exponential(), true],
    [exponential({ base: 0, maxDelay: 0, jitter: 0 }), true],
    [linear(0), true],
    [{ kind: "linear", delayMs: 5 }, true],
    [{ kind: "exponential", base: 2, maxDelayMs: 5, jitter: 1 }, true],
    [null, false],
    [undefined, false],
    [5, false],
    ["linear", false],
    [() => 5, false],
    [{}, false],
    [{ kind: "quadratic", base: 2, maxDelayMs: 5, jitter: 0 }, false],
    [{ kind: "linear" }, false],
    [{ kind: "linear", delayMs: -1 }, false],
    [{ kind: "linear", delayMs: Infinity }, false],
    [{ kind: "linear", delayMs: "5" }, false],
    [{ kind: "exponential", base: -1, maxDelayMs: 5, jitter: 0 }, false],
    [{ kind: "exponential", base: 2, maxDelayMs: NaN, jitter: 0 }, false],
    [{ kind: "exponential", base: 2, maxDelayMs: 5, jitter: 1.5 }, false],
    [{ kind: "exponential", base: 2, maxDelayMs: 5 }, false],
  ])("%o: %s", (value, expected) => {
    expect(isBackoff(value)).toBe(expected);
  });
});
