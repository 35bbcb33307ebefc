import { describe, expect, it } from "vitest";
import type { Clock } from "../../../src/clock.js";
import { jobIds } from "../../../src/job/job-id.js";
import { manualClock } from "../../../src/testing/manual-clock.js";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function clockAt(times: readonly number[], random = 0.5): Clock {
  let index = 0;
  return { ...manualClock(), now: () => times[Math.min(index++, times.length - 1)] ?? 0, random: () => random };
}

function take(count: number, clock: Clock): readonly string[] {
  const next = jobIds(clock);
  return Array.from({ length: count }, () => next());
}

function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

describe("ids of jobs", () => {
  it("are UUIDs of version 7 with the time in front", () => {
    const [id] = take(1, clockAt([1_700_000_000_123.9]));
    expect(id).toMatch(UUID_V7);
    expect(timeOf(id!)).toBe(1_700_000_000_123);
  });

  it.each([0, 0.5, 1 - 2 ** -53])("have their form whatever the random number, here %d", (random) => {
    for (const id of take(5_000, clockAt([1_700_000_000_000], random))) expect(id).toMatch(UUID_V7);
  });

  it("sort in the order in which they were made, more than fit in a millisecond", () => {
    const ids = take(10_000, clockAt([5]));
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(10_000);
    // The clock of the ids runs ahead, and no further than it must.
    expect(timeOf(ids.at(-1)!)).toBe(7);
  });

  it("sort also when the clock goes back, or stands behind the ids", () => {
    const ids = take(12, clockAt([1_000, 1_001, 500, 0, 1_000, 1_001, 1_002, 900, 1_002, 1_003, 3, 5_000]));
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(12);
    expect(timeOf(ids.at(-1)!)).toBe(5_000);
  });

  it("of two makers in one millisecond are different", () => {
    const [a, b] = [manualClock({ seed: 1 }), manualClock({ seed: 2 })];
    expect(new Set([...take(1_000, a), ...take(1_000, b)]).size).toBe(2_000);
  });

  it("carry all the randomness there is room for, new each millisecond", () => {
    let ms = 0;
    const ids = take(1_000, { ...manualClock(), now: () => (ms += 1) });
    expect(new Set(ids.map((id) => id.slice(24))).size).toBe(1_000);
    expect(new Set(ids.map((id) => id.slice(20, 23))).size).toBeGreaterThan(500);
  });
});
