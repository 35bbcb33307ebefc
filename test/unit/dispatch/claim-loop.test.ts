import { describe, expect, it } from "vitest";
import { ClaimLoop, type ClaimLoopDeps } from "../../../src/dispatch/claim-loop.js";
import type { ClaimedJob, JobId, JobRow } from "../../../src/job/job-record.js";
import type { ClaimRequest, ReclaimRequest } from "../../../src/storage/storage.js";
import { type ManualClock, manualClock } from "../../../src/testing/manual-clock.js";
import { deferred } from "../../../src/waiting.js";
import { claimed } from "../sample-job.js";

type Claim = (request: ClaimRequest) => Promise<readonly ClaimedJob[]>;

/** A claim loop on a storage that the test plays, and what came of it. */
class Scene {
  readonly clock: ManualClock = manualClock();
  readonly claims: ClaimRequest[] = [];
  readonly claimTimes: number[] = [];
  readonly reclaims: ReclaimRequest[] = [];
  readonly got: JobId[] = [];
  readonly errors: unknown[] = [];
  readonly reclaimed: JobId[] = [];
  idles = 0;
  capacity = 10;
  held: JobId[] = [];
  claim: Claim = () => Promise.resolve([]);
  reclaim: () => Promise<readonly JobRow[]> = () => Promise.resolve([]);
  onClaimed: ClaimLoopDeps["onClaimed"] = () => undefined;
  readonly loop = new ClaimLoop({
    ...{ queue: "q", runner: "me", clock: this.clock },
    onClockBack: () => undefined,
    storage: {
      claim: (request) => {
        this.claims.push(request);
        this.claimTimes.push(this.clock.monotonic());
        return this.claim(request);
      },
      reclaim: (request) => {
        this.reclaims.push(request);
        return this.reclaim();
      },
    },
    capacity: () => this.capacity,
    names: () => ["a", "b"],
    held: () => this.held,
    onClaimed: (jobs) => {
      this.got.push(...jobs.map(({ id }) => id));
      this.onClaimed(jobs);
    },
    onReclaimed: (jobs) => void this.reclaimed.push(...jobs.map(({ id }) => id)),
    onError: (error) => this.errors.push(error),
    onIdle: () => (this.idles += 1),
  });
}

function jobs(...ids: readonly JobId[]): readonly ClaimedJob[] {
  return ids.map((id) => claimed({ id }));
}

/** Answers one claim after the other. */
function answers(...lists: readonly (readonly JobId[])[]): Claim {
  let index = 0;
  return () => Promise.resolve(jobs(...(lists[index++] ?? [])));
}

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
    scene.held = ["mine", "ended but not stored"];
    scene.loop.wake();
    await scene.clock.settle();
    isDown = false;
    scene.held = ["mine"];
    await scene.clock.advance(100);
    expect(order).toEqual(["claim", "reclaim", "claim"]);
    expect(scene.reclaims).toEqual([{ runner: "me", queue: "q", keep: ["mine"], now: scene.clock.now() }]);
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
