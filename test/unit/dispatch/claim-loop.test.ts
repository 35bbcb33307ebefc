import { describe, expect, it } from "vitest";
import type { ClaimedJob } from "../../../src/job/job-record.js";
import { deferred } from "../../../src/waiting.js";
import { answers, jobs, Scene } from "./claim-loop-scene.js";

describe("claiming", () => {
  it("asks for as much as fits, of the names that are known, in its own name", async () => {
    const scene = new Scene();
    scene.capacity = 7;
    scene.claim = answers(["1", "2"]);
    scene.loop.wake();
    await scene.clock.settle();
    expect(scene.claims).toEqual([{ queue: "q", names: ["a", "b"], limit: 7, runner: "me", now: scene.clock.now() }]);
    expect(scene.got).toEqual(["1", "2"]);
    expect([scene.loop.isIdle, scene.idles]).toEqual([true, 1]);
  });

  it("goes on while claims are full, and there is room", async () => {
    const scene = new Scene();
    scene.capacity = 2;
    scene.claim = answers(["1", "2"], ["3", "4"], ["5"]);
    scene.loop.wake();
    await scene.clock.settle();
    expect(scene.got).toEqual(["1", "2", "3", "4", "5"]);
    scene.claim = answers(["6", "7"], ["8", "9"]);
    scene.onClaimed = () => (scene.capacity = 0);
    scene.loop.wake();
    await scene.clock.settle();
    expect(scene.got.slice(5)).toEqual(["6", "7"]);
    expect(scene.claims).toHaveLength(4);
  });

  it("claims nothing without room, and one at a time", async () => {
    const scene = new Scene();
    scene.capacity = 0;
    scene.loop.wake();
    await scene.clock.settle();
    expect(scene.claims).toEqual([]);
    scene.capacity = 3;
    const answer = deferred<readonly ClaimedJob[]>();
    scene.claim = () => answer.promise;
    for (let times = 0; times < 5; times += 1) scene.loop.wake();
    await scene.clock.settle();
    expect(scene.claims).toHaveLength(1);
    expect(scene.loop.isIdle).toBe(false);
    answer.resolve([]);
    await scene.clock.settle();
    // One more for all that woke meanwhile.
    expect(scene.claims).toHaveLength(2);
    expect(scene.loop.isIdle).toBe(true);
  });
});

describe("wake-ups while claiming", () => {
  /** In whatever microtask after the answer the wake-up comes, the job that it announces is found. */
  it.each(Array.from({ length: 12 }, (_, turns) => ({ turns })))("is not lost $turns microtasks after the answer", async ({ turns }) => {
    const scene = new Scene();
    let isStored = false;
    const answer = deferred();
    scene.claim = async () => {
      if (isStored) return jobs("late").filter(() => !scene.got.includes("late"));
      await answer.promise;
      return [];
    };
    scene.loop.wake();
    await scene.clock.settle();
    answer.resolve();
    let waited = Promise.resolve();
    for (let turn = 0; turn < turns; turn += 1) waited = waited.then(() => undefined);
    void waited.then(() => {
      isStored = true;
      scene.loop.wake();
    });
    await scene.clock.settle();
    expect(scene.got).toEqual(["late"]);
  });

  it("does not spin when it is woken without room", async () => {
    const scene = new Scene();
    scene.claim = answers(["1"]);
    scene.onClaimed = () => {
      scene.capacity = 0;
      scene.loop.wake();
    };
    scene.loop.wake();
    await scene.clock.settle();
    expect(scene.claims).toHaveLength(1);
    expect(scene.loop.isIdle).toBe(true);
  });

  it("an old wake-up does not count after a failure", async () => {
    const scene = new Scene();
    const answer = deferred<readonly ClaimedJob[]>();
    scene.claim = () => answer.promise;
    scene.loop.wake();
    scene.loop.wake();
    answer.reject(new Error("down"));
    await scene.clock.settle();
    scene.claim = answers([]);
    await scene.clock.advance(60_000);
    expect(scene.claims.length).toBeLessThanOrEqual(3);
  });
});
