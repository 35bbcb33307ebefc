import { describe, expect, it } from "vitest";
import { Watchdog } from "../../../src/dispatch/watchdog.js";
import type { JobId } from "../../../src/job/job-record.js";
import { type ManualClock, manualClock } from "../../../src/testing/manual-clock.js";

/** A watchdog over jobs that start when the test says so, and when it barked at which. */
class Scene {
  readonly clock: ManualClock = manualClock();
  readonly starts = new Map<JobId, number>();
  readonly barks: (readonly [what: string, id: JobId, at: number])[] = [];
  readonly watchdog: Watchdog;

  constructor(graceMs = 100) {
    this.watchdog = new Watchdog({
      ...{ clock: this.clock, graceMs },
      startedAt: (id) => this.starts.get(id) ?? null,
      onDeadline: (id) => this.barks.push(["deadline", id, this.clock.monotonic()]),
      onGraceOver: (id) => this.barks.push(["over", id, this.clock.monotonic()]),
    });
  }

  start(id: JobId): void {
    this.starts.set(id, this.clock.monotonic());
  }
}

describe("a deadline", () => {
  it("comes when the timeout is over, and the end when the grace is over too", async () => {
    const scene = new Scene();
    scene.start("a");
    scene.watchdog.watch("a", 1_000);
    await scene.clock.advance(999);
    expect(scene.barks).toEqual([]);
    await scene.clock.advance(1);
    expect(scene.barks).toEqual([["deadline", "a", 1_000]]);
    await scene.clock.advance(99);
    expect(scene.barks).toHaveLength(1);
    await scene.clock.advance(10_000);
    expect(scene.barks.slice(1)).toEqual([["over", "a", 1_100]]);
    expect(scene.clock.timers).toBe(0);
  });

  it("counts from the start of the run, not from when the job was sent", async () => {
    const scene = new Scene();
    scene.watchdog.watch("a", 1_000);
    await scene.clock.advance(700);
    scene.start("a");
    await scene.clock.advance(999);
    expect(scene.barks).toEqual([]);
    await scene.clock.advance(1);
    expect(scene.barks).toEqual([["deadline", "a", 1_700]]);
  });

  it.each([1, 999, 1_000, 1_001, 3_700, 25_000])("is exact when the job waited %d ms on its lane", async (waitMs) => {
    const scene = new Scene();
    scene.watchdog.watch("a", 1_000);
    await scene.clock.advance(waitMs);
    scene.start("a");
    await scene.clock.advance(60_000);
    expect(scene.barks).toEqual([
      ["deadline", "a", waitMs + 1_000],
      ["over", "a", waitMs + 1_100],
    ]);
  });

  it("never comes for a job that never starts", async () => {
    const scene = new Scene();
    scene.watchdog.watch("a", 1_000);
    await scene.clock.advance(1e6);
    expect(scene.barks).toEqual([]);
    expect(scene.clock.timers).toBe(1);
  });

  it("does not care about jumps of the wall clock", async () => {
    const scene = new Scene();
    scene.start("a");
    scene.watchdog.watch("a", 1_000);
    scene.clock.jump(1e9);
    await scene.clock.advance(500);
    scene.clock.jump(-2e9);
    await scene.clock.advance(499);
    expect(scene.barks).toEqual([]);
    await scene.clock.advance(1);
    expect(scene.barks).toHaveLength(1);
  });

  it("without grace is the end at once", async () => {
    const scene = new Scene(0);
    scene.start("a");
    scene.watchdog.watch("a", 1_000);
    await scene.clock.advance(1_000);
    expect(scene.barks).toEqual([
      ["deadline", "a", 1_000],
      ["over", "a", 1_000],
    ]);
  });

  it("is each job's own", async () => {
    const scene = new Scene();
    for (const [id, timeoutMs] of [["c", 300], ["a", 100], ["b", 200]] as const) {
      scene.start(id);
      scene.watchdog.watch(id, timeoutMs);
    }
    await scene.clock.advance(1_000);
    expect(scene.barks.filter(([what]) => what === "deadline")).toEqual([
      ["deadline", "a", 100],
      ["deadline", "b", 200],
      ["deadline", "c", 300],
    ]);
  });
});

describe("a job that has ended", () => {
  it("is forgotten, before its deadline and in its grace", async () => {
    const scene = new Scene();
    for (const id of ["before", "in grace", "stays"]) {
      scene.start(id);
      scene.watchdog.watch(id, 1_000);
    }
    await scene.clock.advance(500);
    scene.watchdog.forget("before");
    await scene.clock.advance(550);
    scene.watchdog.forget("in grace");
    scene.watchdog.forget("unknown");
    await scene.clock.advance(60_000);
    expect(scene.barks.map(([what, id]) => `${what} ${id}`)).toEqual(["deadline in grace", "deadline stays", "over stays"]);
    expect(scene.clock.timers).toBe(0);
  });

  it("is forgotten by whoever hears of the deadline", async () => {
    const scene = new Scene();
    const watchdog = new Watchdog({
      ...{ clock: scene.clock, graceMs: 100, startedAt: () => 0 },
      onDeadline: (id) => watchdog.forget(id),
      onGraceOver: (id) => scene.barks.push(["over", id, 0]),
    });
    watchdog.watch("a", 10);
    await scene.clock.advance(1_000);
    expect(scene.barks).toEqual([]);
  });

  it("and all of them, when it stops", async () => {
    const scene = new Scene();
    for (const id of ["a", "b"]) {
      scene.start(id);
      scene.watchdog.watch(id, 1_000);
    }
    await scene.clock.advance(1_050);
    scene.watchdog.stop();
    await scene.clock.advance(60_000);
    expect(scene.barks.map(([what]) => what)).toEqual(["deadline", "deadline"]);
    expect(scene.clock.timers).toBe(0);
  });
});

describe("the grace of a job that was asked to stop for another reason", () => {
  it("begins then, whether it has a deadline or not, and its deadline matters no more", async () => {
    for (const timeoutMs of [null, 50]) {
      const scene = new Scene();
      scene.start("a");
      if (timeoutMs !== null) scene.watchdog.watch("a", timeoutMs);
      await scene.clock.advance(10);
      scene.watchdog.giveGrace("a");
      await scene.clock.advance(10_000);
      expect(scene.barks).toEqual([["over", "a", 110]]);
      expect(scene.clock.timers).toBe(0);
    }
  });

  it("is not made longer by a second wish, or after a deadline", async () => {
    const scene = new Scene();
    scene.start("a");
    scene.start("b");
    scene.watchdog.watch("a", 1_000);
    scene.watchdog.giveGrace("b");
    await scene.clock.advance(90);
    scene.watchdog.giveGrace("b");
    await scene.clock.advance(960);
    scene.watchdog.giveGrace("a");
    await scene.clock.advance(10_000);
    expect(scene.barks).toEqual([
      ["over", "b", 100],
      ["deadline", "a", 1_000],
      ["over", "a", 1_100],
    ]);
  });

  it("is over when the job is", async () => {
    const scene = new Scene();
    scene.start("a");
    scene.watchdog.giveGrace("a");
    scene.watchdog.forget("a");
    await scene.clock.advance(10_000);
    expect([scene.barks, scene.clock.timers]).toEqual([[], 0]);
    scene.watchdog.giveGrace("a");
    await scene.clock.advance(100);
    expect(scene.barks).toHaveLength(1);
  });
});
