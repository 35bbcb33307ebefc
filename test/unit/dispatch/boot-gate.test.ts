import { beforeEach, describe, expect, it } from "vitest";
import { BootGate } from "../../../src/dispatch/boot-gate.js";
import { manualClock, type ManualClock } from "../../../src/testing/manual-clock.js";

let clock: ManualClock;
let gate: BootGate;
/** Every boot: which thread, and when. */
let boots: { readonly thread: number; readonly at: number }[];
/** What becomes of a boot at once; others are under way until the test says. */
let fate: (thread: number) => "fails" | "dies" | "lives" | "waits";

beforeEach(() => {
  clock = manualClock();
  boots = [];
  fate = () => "waits";
  gate = newGate();
});

function newGate(): BootGate {
  const made: BootGate = new BootGate({
    clock,
    boot: (thread) => {
      boots.push({ thread, at: clock.monotonic() });
      const what = fate(thread);
      if (what === "waits") return;
      // Never at once: a thread takes time.
      clock.setTimer(50, () => {
        if (what === "fails") return made.failed(thread, "boot");
        made.ready(thread);
        if (what === "dies") clock.setTimer(10, () => made.failed(thread, "end"));
      });
    },
  });
  return made;
}

function want(count: number): void {
  for (let thread = 0; thread < count; thread += 1) gate.want(thread);
}

const booted = (): number[] => boots.map(({ thread }) => thread);

/** The most boots in any 10 s. */
function mostInWindow(from = 0): number {
  const times = boots.map(({ at }) => at).filter((at) => at >= from);
  return Math.max(0, ...times.map((start) => times.filter((at) => at >= start && at < start + 10_000).length));
}

describe("the first boots", () => {
  it("are three at once, and the rest when one is ready", () => {
    want(8);
    expect(booted()).toEqual([0, 1, 2]);
    gate.ready(1);
    expect(booted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("that all fail are followed by one, after 1.5 to 2 s, and by one more each time after twice as long", async () => {
    fate = () => "fails";
    want(8);
    await clock.advance(200_000);
    const times = boots.map(({ at }) => at);
    expect(times.slice(0, 3)).toEqual([0, 0, 0]);
    const gaps = times.slice(3).map((at, index) => at - (times[index + 2] ?? 0) - 50);
    for (const [index, gap] of gaps.entries()) {
      const longest = Math.min(2_000 * 2 ** index, 60_000);
      expect(gap).toBeGreaterThanOrEqual(longest * 0.75);
      expect(gap).toBeLessThanOrEqual(longest);
    }
    expect(gaps.length).toBeGreaterThan(5);
    // Each in its turn, so that one bad thread does not keep the others from being tried.
    expect(booted().slice(3, 8)).toEqual([3, 4, 5, 6, 7]);
  });

  it.each([1, 2, 3, 8, 64])("of %i threads are never more than 5 in 10 s while they fail", async (threads) => {
    for (let seed = 1; seed <= 20; seed += 1) {
      clock = manualClock({ seed });
      boots = [];
      fate = () => "fails";
      gate = newGate();
      want(threads);
      await clock.advance(60_000);
      expect(mostInWindow()).toBeLessThanOrEqual(5);
      expect(boots.length).toBeGreaterThan(4);
    }
  });

  it("that fail one after the other count as one try", async () => {
    want(3);
    gate.failed(0, "boot");
    await clock.advance(100);
    gate.failed(1, "boot");
    gate.failed(2, "boot");
    expect(gate.failuresInRow).toBe(1);
    await clock.advance(2_000);
    expect(booted()).toEqual([0, 1, 2, 0]);
  });

  it("that hang do not keep the next from being tried", async () => {
    want(3);
    gate.failed(1, "boot");
    await clock.advance(2_000);
    expect(booted()).toEqual([0, 1, 2, 1]);
  });
});

describe("when the one that is tried is ready", () => {
  it("all that are missing are booted at once", async () => {
    fate = () => "fails";
    want(8);
    await clock.advance(5_000);
    const before = boots.length;
    fate = () => "lives";
    await clock.advance(20_000);
    const after = boots.slice(before);
    expect(new Set(after.map(({ thread }) => thread)).size).toBe(8);
    expect(after).toHaveLength(8);
    expect(after.slice(1).every(({ at }) => at === (after[0]?.at ?? 0) + 50)).toBe(true);
  });

  it("another failure soon after waits longer still, and one after a while is a first one again", async () => {
    fate = () => "fails";
    want(1);
    await clock.advance(10_000);
    const { failuresInRow } = gate;
    expect(failuresInRow).toBeGreaterThan(2);
    fate = () => "lives";
    await clock.advance(20_000);
    fate = () => "fails";
    gate.want(0);
    await clock.advance(100);
    expect(gate.failuresInRow).toBe(1);
  });
});

describe("a thread that ends for its job's fault", () => {
  it("is replaced at once, however often", () => {
    want(2);
    gate.ready(0);
    gate.ready(1);
    for (let round = 0; round < 50; round += 1) {
      gate.want(1);
      gate.ready(1);
    }
    expect(boots).toHaveLength(52);
    expect(clock.timers).toBe(0);
  });

  it("is replaced at once also while boots fail, until there were too many", async () => {
    fate = (thread) => (thread === 7 ? "fails" : "lives");
    want(8);
    await clock.advance(1_000);
    const before = boots.length;
    fate = () => "fails";
    for (let thread = 0; thread < 7; thread += 1) gate.want(thread);
    expect(boots.length - before).toBe(4);
    await clock.advance(60_000);
    expect(mostInWindow(1_000)).toBeLessThanOrEqual(5);
    fate = () => "lives";
    await clock.advance(120_000);
    expect(new Set(booted().slice(-8)).size).toBe(8);
  });
});

describe("threads that get ready and end for no job's fault", () => {
  it.each([1, 3, 8])("are never booted more than 5 times in 10 s: %i threads", async (threads) => {
    fate = () => "dies";
    want(threads);
    await clock.advance(200);
    // Nobody could know before they had ended.
    expect(boots).toHaveLength(threads);
    await clock.advance(120_000);
    expect(mostInWindow(200)).toBeLessThanOrEqual(5);
    expect(boots.length).toBeGreaterThan(threads + 3);
    expect(boots.length).toBeLessThan(threads + 12);
  });

  it("are all booted again when one of them has lasted", async () => {
    fate = () => "dies";
    want(4);
    await clock.advance(3_000);
    fate = () => "lives";
    const before = boots.length;
    await clock.advance(60_000);
    const [pilot, ...rest] = boots.slice(before);
    expect(rest).toHaveLength(3);
    expect(rest[0]?.at).toBeGreaterThanOrEqual((pilot?.at ?? 0) + 10_000);
    expect(gate.failuresInRow).toBe(0);
  });
});

it("boots nothing after stop, and leaves no timer", async () => {
  fate = () => "fails";
  want(3);
  await clock.advance(100);
  gate.stop();
  gate.want(0);
  await clock.advance(120_000);
  expect(boots).toHaveLength(3);
  expect(clock.timers).toBe(0);
});
