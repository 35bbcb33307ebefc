import { describe, expect, it } from "vitest";
import { Capacity, type LaneLoad } from "../../../src/dispatch/capacity.js";

/** As in the file under test: behind what takes no longer, one more waits; and how many short jobs make up for a long one. */
const NEXT_MS = 5;
const CAUTION = 32;

function load(overrides: Partial<LaneLoad> = {}): LaneLoad {
  return { count: 0, heldMs: 0, room: 256, ...overrides };
}

/** What has seen so many jobs that took so long. */
function experienced(tookMs: number, { concurrency = 1, times = 200 }: { readonly concurrency?: number; readonly times?: number } = {}): Capacity {
  const capacity = new Capacity(concurrency);
  for (let time = 0; time < times; time += 1) capacity.record("job", tookMs);
  return capacity;
}

describe("the estimate of a job", () => {
  it("is endless while nothing is known of it", () => {
    expect(new Capacity(1).estimateMs("job")).toBe(Infinity);
    expect(experienced(0.1).estimateMs("other")).toBe(Infinity);
  });

  it.each([
    [0, 0.001],
    [0.001, 0.001],
    [0.1, 0.1],
    [NEXT_MS, NEXT_MS],
    [NEXT_MS + 0.001, Infinity],
    [10_000, Infinity],
  ])("of %d ms is %d ms", (tookMs, estimateMs) => {
    const capacity = new Capacity(1);
    capacity.record("job", tookMs);
    expect(capacity.estimateMs("job")).toBe(estimateMs);
  });

  it("believes a longer run sooner than a shorter one", () => {
    const capacity = experienced(0.1);
    capacity.record("job", 1.1);
    expect(capacity.estimateMs("job")).toBeCloseTo(0.6);
    capacity.record("job", 0.1);
    expect(capacity.estimateMs("job")).toBeCloseTo(0.55);
  });

  it("finds that a job has become long, and short again", () => {
    const capacity = experienced(0.1);
    capacity.record("job", 100);
    expect(capacity.estimateMs("job")).toBe(Infinity);
    let runs = 0;
    while (capacity.estimateMs("job") === Infinity) {
      capacity.record("job", 0.1);
      runs += 1;
    }
    expect(runs).toBeGreaterThan(10);
    expect(runs).toBeLessThan(100);
  });

  it("is kept by name", () => {
    const capacity = experienced(0.1);
    capacity.record("long", 500);
    expect(capacity.estimateMs("job")).toBeCloseTo(0.1);
    expect(capacity.estimateMs("long")).toBe(Infinity);
  });
});

describe("what a lane may be given", () => {
  it.each([
    { when: "unknown, on a free slot", capacity: new Capacity(1), load: load(), fits: true },
    { when: "unknown, behind another", capacity: new Capacity(1), load: load({ count: 1, heldMs: 0.1 }), fits: false },
    { when: "unknown, on the second of two slots", capacity: new Capacity(2), load: load({ count: 1, heldMs: Infinity }), fits: true },
    { when: "unknown, behind two on two slots", capacity: new Capacity(2), load: load({ count: 2, heldMs: 0.2 }), fits: false },
    { when: "long, on a free slot", capacity: experienced(50), load: load(), fits: true },
    { when: "long, behind a short one", capacity: experienced(50), load: load({ count: 1, heldMs: 0.1 }), fits: false },
    { when: "short, behind a long one", capacity: experienced(0.1), load: load({ count: 1, heldMs: Infinity }), fits: false },
    { when: "short, behind short ones", capacity: experienced(0.1), load: load({ count: 10, heldMs: 1 }), fits: true },
    { when: "short, to the last bit of the budget", capacity: experienced(0.5), load: load({ count: 9, heldMs: 4.5 }), fits: true },
    { when: "short, over the budget", capacity: experienced(0.5), load: load({ count: 9, heldMs: 4.51 }), fits: false },
    { when: "short, with the budgets of two slots", capacity: experienced(0.5, { concurrency: 2 }), load: load({ count: 18, heldMs: 9.5 }), fits: true },
    { when: "of a few ms, behind another of a few ms", capacity: experienced(3), load: load({ count: 1, heldMs: 3 }), fits: true },
    { when: "of a few ms, behind two", capacity: experienced(3), load: load({ count: 2, heldMs: 6 }), fits: false },
    { when: "of a few ms, with two slots and three there", capacity: experienced(3, { concurrency: 2 }), load: load({ count: 3, heldMs: 9 }), fits: true },
    { when: "of a few ms, behind a long one", capacity: experienced(3), load: load({ count: 1, heldMs: Infinity }), fits: false },
    { when: "short, without room", capacity: experienced(0.1), load: load({ room: 0 }), fits: false },
    { when: "unknown, without room", capacity: new Capacity(1), load: load({ room: 0 }), fits: false },
  ])("$when: $fits", ({ capacity, load: held, fits }) => {
    expect(capacity.fits(held, "job")).toBe(fits);
  });
});

describe("how many jobs to claim", () => {
  it.each([
    { when: "nothing is known: one per free slot", capacity: new Capacity(1), load: load(), count: 1 },
    { when: "nothing is known, with four slots", capacity: new Capacity(4), load: load(), count: 4 },
    { when: "nothing is known, with four slots of which three are taken", capacity: new Capacity(4), load: load({ count: 3, heldMs: Infinity }), count: 1 },
    { when: "nothing is known, and the slot is taken", capacity: new Capacity(1), load: load({ count: 1, heldMs: Infinity }), count: 0 },
    { when: "jobs are long", capacity: experienced(50), load: load(), count: 1 },
    { when: "jobs are short: as many as fit the budget", capacity: experienced(0.1), load: load(), count: 50 },
    { when: "jobs are short, and some are there", capacity: experienced(0.1), load: load({ count: 20, heldMs: 2 }), count: 30 },
    { when: "jobs are short, and more than half of what fits is there", capacity: experienced(0.1), load: load({ count: 26, heldMs: 2.6 }), count: 0 },
    { when: "jobs are short, behind a long one", capacity: experienced(0.1), load: load({ count: 1, heldMs: Infinity }), count: 0 },
    { when: "jobs are short, with two slots", capacity: experienced(0.1, { concurrency: 2 }), load: load(), count: 100 },
    { when: "jobs are short, with two slots, one taken by a long one", capacity: experienced(0.1, { concurrency: 2 }), load: load({ count: 1, heldMs: Infinity }), count: 1 },
    { when: "jobs are too short to tell", capacity: experienced(0), load: load(), count: 256 },
    { when: "jobs take a few ms: one more", capacity: experienced(3), load: load(), count: 2 },
    { when: "jobs take a few ms, and one is there", capacity: experienced(3), load: load({ count: 1, heldMs: 3 }), count: 1 },
    { when: "jobs take a few ms, and two are there", capacity: experienced(3), load: load({ count: 2, heldMs: 6 }), count: 0 },
    { when: "jobs take a few ms, behind a long one", capacity: experienced(3), load: load({ count: 1, heldMs: Infinity }), count: 0 },
    { when: "there is little room", capacity: experienced(0), load: load({ room: 3 }), count: 3 },
    { when: "there is no room", capacity: experienced(0), load: load({ room: 0 }), count: 0 },
    { when: "there is no room, and nothing is known", capacity: new Capacity(4), load: load({ room: 0 }), count: 0 },
    { when: "more runs than slots", capacity: new Capacity(1), load: load({ count: 5, heldMs: Infinity }), count: 0 },
  ])("$when: $count", ({ capacity, load: held, count }) => {
    const claimable = capacity.claimable(held);
    expect(Math.abs(claimable - count)).toBeLessThanOrEqual(count >= 30 && count <= 100 ? 1 : 0);
  });

  it("is one per slot for a while after a long job, whatever the others say", () => {
    const capacity = experienced(0.1);
    capacity.record("long", 100);
    for (let runs = 0; runs < CAUTION - 1; runs += 1) {
      capacity.record("job", 0.1);
      expect(capacity.claimable(load())).toBe(1);
    }
    for (let runs = 0; runs < 60; runs += 1) capacity.record("job", 0.1);
    expect(capacity.claimable(load())).toBeGreaterThan(10);
  });

  it("is smaller after a short job that did not fit, by what that job takes", () => {
    const capacity = experienced(0.1);
    capacity.record("slower", 0.5);
    const before = capacity.claimable(load());
    capacity.noteMisfit("slower");
    expect(capacity.claimable(load())).toBe(10);
    expect(before).toBeGreaterThan(10);
  });

  it("is one per slot for a while after an unknown job that did not fit", () => {
    const capacity = experienced(0.1);
    capacity.noteMisfit("unknown");
    expect(capacity.claimable(load())).toBe(1);
    for (let runs = 0; runs < CAUTION - 1; runs += 1) capacity.record("job", 0.1);
    expect(capacity.claimable(load())).toBe(1);
    capacity.record("job", 0.1);
    expect(capacity.claimable(load())).toBeGreaterThan(10);
  });

  it("is never more than the lane has room for, and never negative", () => {
    for (const tookMs of [0, 0.01, 1, 100]) {
      for (const concurrency of [1, 3, 300]) {
        for (const room of [0, 1, 7, 256]) {
          for (const held of [load({ room }), load({ room, count: 1, heldMs: Infinity }), load({ room, count: 400, heldMs: 1e9 })]) {
            const claimable = experienced(tookMs, { concurrency }).claimable(held);
            expect(claimable).toBeGreaterThanOrEqual(0);
            expect(claimable).toBeLessThanOrEqual(room);
            expect(Number.isInteger(claimable)).toBe(true);
          }
        }
      }
    }
  });
});
