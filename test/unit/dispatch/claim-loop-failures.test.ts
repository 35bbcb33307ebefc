import { describe, expect, it } from "vitest";
import type { ClaimedJob } from "../../../src/job/job-record.js";
import { deferred } from "../../../src/waiting.js";
import { answers, jobs, Scene } from "./claim-loop-scene.js";

const mine = { id: "mine", fence: 7 };

describe("a claim that fails", () => {
  it("is repeated after 0.1, 0.2, 0.4 … 5 s, whoever wakes meanwhile", async () => {
    const scene = new Scene();
    scene.claim = () => Promise.reject(new Error("down"));
    scene.loop.wake();
    await scene.clock.settle();
    for (let second = 0; second < 30; second += 1) {
      scene.loop.wake();
      await scene.clock.advance(1_000);
    }
    const waits = scene.claimTimes.slice(1).map((at, index) => at - (scene.claimTimes[index] ?? 0));
    expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000, 5_000]);
    expect(scene.errors).toHaveLength(11);
    expect(scene.idles).toBe(11);
  });

  it("gives back what it may have claimed, but for the jobs we know of, before it claims again", async () => {
    const scene = new Scene();
    let isDown = true;
    const order: string[] = [];
    scene.claim = () => {
      order.push("claim");
      return isDown ? Promise.reject(new Error("the answer was lost")) : Promise.resolve(jobs("1"));
    };
    scene.reclaim = () => {
      order.push("reclaim");
      return Promise.resolve(jobs("1"));
    };
    scene.held = [mine, { id: "ended but not stored", fence: 3 }];
    scene.loop.wake();
    await scene.clock.settle();
    isDown = false;
    scene.held = [mine];
    await scene.clock.advance(100);
    expect(order).toEqual(["claim", "reclaim", "claim"]);
    expect(scene.reclaims).toEqual([{ runner: "me", queue: "q", keep: [mine], now: scene.clock.now() }]);
    expect([scene.reclaimed, scene.got]).toEqual([["1"], ["1"]]);
    // Well again, it reclaims no more, and a new failure starts from the shortest wait.
    scene.loop.wake();
    await scene.clock.settle();
    expect(scene.reclaims).toHaveLength(1);
    isDown = true;
    scene.loop.wake();
    await scene.clock.settle();
    const { length } = order;
    await scene.clock.advance(99);
    expect(order).toHaveLength(length);
    await scene.clock.advance(1);
    expect(order.length).toBeGreaterThan(length);
  });

  it("claims nothing until it could give back", async () => {
    const scene = new Scene();
    scene.claim = () => Promise.reject(new Error("down"));
    scene.loop.wake();
    await scene.clock.settle();
    scene.reclaim = () => Promise.reject(new Error("still down"));
    scene.claim = answers(["1"]);
    await scene.clock.advance(1_000);
    expect(scene.claims).toHaveLength(1);
    expect(scene.reclaims.length).toBeGreaterThan(2);
    scene.reclaim = () => Promise.resolve([]);
    await scene.clock.advance(5_000);
    expect(scene.got).toEqual(["1"]);
  });

  it("also when what was claimed could not be placed", async () => {
    const scene = new Scene();
    scene.claim = answers(["1"], ["1"]);
    let isBroken = true;
    scene.onClaimed = () => {
      if (isBroken) throw new RangeError("no room on the lane");
    };
    scene.loop.wake();
    await scene.clock.settle();
    isBroken = false;
    await scene.clock.advance(100);
    expect(scene.errors).toMatchObject([{ message: "no room on the lane" }]);
    expect(scene.reclaims).toHaveLength(1);
    expect(scene.got).toEqual(["1", "1"]);
  });
});

describe("doubt", () => {
  it("gives back what it does not know of, once, before the next claim", async () => {
    const scene = new Scene();
    scene.held = [mine];
    scene.loop.doubt();
    await scene.clock.settle();
    scene.loop.wake();
    await scene.clock.settle();
    expect(scene.reclaims).toEqual([{ runner: "me", queue: "q", keep: [mine], now: scene.clock.now() }]);
    expect(scene.claims).toHaveLength(2);
  });

  it("that comes during a claim is not forgotten, and waits for room", async () => {
    const scene = new Scene();
    const answer = deferred<readonly ClaimedJob[]>();
    scene.claim = () => answer.promise;
    scene.loop.wake();
    scene.loop.doubt();
    scene.capacity = 0;
    answer.resolve([]);
    await scene.clock.settle();
    expect(scene.reclaims).toEqual([]);
    scene.capacity = 1;
    scene.loop.wake();
    await scene.clock.settle();
    expect(scene.reclaims).toHaveLength(1);
  });
});

describe("a wall clock that was set back", () => {
  it("is told at the next claim, once", async () => {
    const scene = new Scene();
    for (const ms of [0, 5, -10, 0, 3, -1]) {
      scene.clock.jump(ms);
      scene.loop.wake();
      await scene.clock.settle();
    }
    expect(scene.claims).toHaveLength(6);
    expect(scene.clockBacks).toBe(2);
  });
});

describe("stop", () => {
  it("claims no more, but hands on what a claim under way still brings", async () => {
    const scene = new Scene();
    scene.capacity = 1;
    const answer = deferred<readonly ClaimedJob[]>();
    scene.claim = () => answer.promise;
    scene.loop.wake();
    scene.loop.stop();
    scene.loop.wake();
    expect(scene.loop.isIdle).toBe(false);
    answer.resolve(jobs("1"));
    await scene.clock.settle();
    expect([scene.got, scene.claims.length, scene.loop.isIdle, scene.idles]).toEqual([["1"], 1, true, 1]);
    scene.loop.wake();
    await scene.clock.advance(60_000);
    expect(scene.claims).toHaveLength(1);
  });

  it("does not repeat a failed claim, before and after", async () => {
    const before = new Scene();
    before.claim = () => Promise.reject(new Error("down"));
    before.loop.wake();
    await before.clock.settle();
    before.loop.stop();
    const after = new Scene();
    const answer = deferred<readonly ClaimedJob[]>();
    after.claim = () => answer.promise;
    after.loop.wake();
    after.loop.stop();
    answer.reject(new Error("down"));
    for (const scene of [before, after]) {
      await scene.clock.advance(60_000);
      expect(scene.claims).toHaveLength(1);
      expect(scene.clock.timers).toBe(0);
      expect(scene.loop.isIdle).toBe(true);
    }
  });
});
