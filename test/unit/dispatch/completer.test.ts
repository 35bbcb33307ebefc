import { describe, expect, it } from "vitest";
import { Completer, type Settlement } from "../../../src/dispatch/completer.js";
import type { ClaimedJob, JobId, JobRow } from "../../../src/job/job-record.js";
import { nextTransition, type Transition } from "../../../src/job/lifecycle.js";
import { memoryStorage } from "../../../src/storage/memory/memory-storage.js";
import type { Storage } from "../../../src/storage/storage.js";
import { type ManualClock, manualClock } from "../../../src/testing/manual-clock.js";
import { claim, enqueue, givingBack } from "../../../src/testing/storage-suite/sample-jobs.js";
import { deferred } from "../../../src/waiting.js";
import { claimed, ok } from "../sample-job.js";

type Complete = (transitions: readonly Transition[]) => Promise<readonly boolean[]>;

function settlement(job: ClaimedJob): Settlement {
  const outcome = ok();
  const transition = nextTransition(job, outcome, { now: 5, random: 0, cancelRequested: false, progress: null });
  return { job, outcome, transition, rescued: false };
}

/** A completer on a storage that the test plays, and what came of it. */
class Scene {
  readonly clock: ManualClock = manualClock();
  readonly writes: (readonly JobId[])[] = [];
  readonly writeTimes: number[] = [];
  readonly settled: JobId[] = [];
  readonly refused: JobId[] = [];
  readonly errors: unknown[] = [];
  complete: Complete = (transitions) => Promise.resolve(transitions.map(() => true));
  get: (ids: readonly JobId[]) => Promise<readonly (JobRow | undefined)[]> = (ids) => Promise.resolve(ids.map(() => undefined));
  readonly completer = new Completer({
    clock: this.clock,
    storage: {
      complete: (transitions) => {
        this.writes.push(transitions.map(({ id }) => id));
        this.writeTimes.push(this.clock.monotonic());
        return this.complete(transitions);
      },
      get: (ids) => this.get(ids),
    },
    onSettled: ({ job }) => this.settled.push(job.id),
    onRefused: ({ job }) => this.refused.push(job.id),
    onError: (error) => this.errors.push(error),
  });

  add(...ids: readonly JobId[]): void {
    for (const id of ids) this.completer.add(settlement(claimed({ id })));
  }
}

function down(): Promise<never> {
  return Promise.reject(new Error("down"));
}

describe("batches", () => {
  it("writes the outcomes of one turn at once, in order, and tells of them once they are stored", async () => {
    const scene = new Scene();
    const answer = deferred<readonly boolean[]>();
    scene.complete = () => answer.promise;
    scene.add("1");
    await Promise.resolve();
    scene.add("2", "3");
    await scene.clock.settle();
    expect(scene.writes).toEqual([["1", "2", "3"]]);
    expect(scene.settled).toEqual([]);
    expect(scene.completer.unsettled()).toEqual(["1", "2", "3"]);
    answer.resolve([true, true, true]);
    await scene.clock.settle();
    expect(scene.settled).toEqual(["1", "2", "3"]);
    expect(scene.completer.unsettled()).toEqual([]);
  });

  it("writes what comes during a write next, in one write", async () => {
    const scene = new Scene();
    const answer = deferred<readonly boolean[]>();
    scene.complete = () => answer.promise;
    scene.add("1");
    await scene.clock.settle();
    scene.add("2");
    await scene.clock.settle();
    scene.add("3");
    await scene.clock.settle();
    expect(scene.writes).toEqual([["1"]]);
    expect(scene.completer.unsettled()).toEqual(["1", "2", "3"]);
    scene.complete = (transitions) => Promise.resolve(transitions.map(() => true));
    answer.resolve([true]);
    await scene.clock.settle();
    expect(scene.writes).toEqual([["1"], ["2", "3"]]);
    expect(scene.settled).toEqual(["1", "2", "3"]);
  });

  it("is idle when all is stored, and not before", async () => {
    const scene = new Scene();
    await scene.completer.whenIdle();
    scene.complete = down;
    scene.add("1");
    let isIdle = false;
    const idle = Promise.all([scene.completer.whenIdle(), scene.completer.whenIdle()]).then(() => (isIdle = true));
    await scene.clock.settle();
    scene.add("2");
    await scene.clock.advance(50);
    expect(isIdle).toBe(false);
    scene.complete = (transitions) => Promise.resolve(transitions.map(() => true));
    await scene.clock.advance(50);
    await idle;
    expect(scene.settled).toEqual(["1", "2"]);
    await scene.completer.whenIdle();
  });
});

describe("a late finisher", () => {
  it("is ignored: nobody is told of what the storage did not take", async () => {
    const scene = new Scene();
    scene.complete = () => Promise.resolve([true, false, true]);
    scene.add("1", "late", "3");
    await scene.clock.settle();
    expect(scene.settled).toEqual(["1", "3"]);
    expect(scene.completer.unsettled()).toEqual([]);
    await scene.clock.advance(60_000);
    expect(scene.writes).toHaveLength(1);
  });

  it("is ignored also if the storage answers for too few", async () => {
    const scene = new Scene();
    scene.complete = () => Promise.resolve([true]);
    scene.add("1", "2");
    await scene.clock.settle();
    expect(scene.settled).toEqual(["1"]);
  });
});

describe("a write that fails", () => {
  it("is repeated after 0.1, 0.2, 0.4 … 5 s until it succeeds, with what came meanwhile", async () => {
    const scene = new Scene();
    scene.complete = down;
    scene.add("1");
    await scene.clock.advance(150);
    scene.add("2");
    await scene.clock.advance(30_000);
    const waits = scene.writeTimes.slice(1).map((at, index) => at - (scene.writeTimes[index] ?? 0));
    expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000, 5_000]);
    expect(scene.writes.slice(2).every((ids) => ids.join() === "1,2")).toBe(true);
    expect(scene.errors).toHaveLength(11);
    expect(scene.settled).toEqual([]);
    scene.complete = (transitions) => Promise.resolve(transitions.map(() => true));
    await scene.clock.advance(5_000);
    expect(scene.settled).toEqual(["1", "2"]);
  });

  it("starts from the shortest wait again when it has succeeded", async () => {
    const scene = new Scene();
    for (const id of ["1", "2"]) {
      scene.complete = down;
      const start = scene.clock.monotonic();
      const { length } = scene.writeTimes;
      scene.add(id);
      await scene.clock.advance(300);
      scene.complete = (transitions) => Promise.resolve(transitions.map(() => true));
      await scene.clock.advance(400);
      expect(scene.writeTimes.slice(length).map((at) => at - start)).toEqual([0, 100, 300, 700]);
    }
    expect(scene.settled).toEqual(["1", "2"]);
  });

  it("does not reach into the next write of another batch", async () => {
    const scene = new Scene();
    let writes = 0;
    scene.complete = (transitions) => (writes++ === 0 ? down() : Promise.resolve(transitions.map(() => true)));
    scene.add("1");
    await scene.clock.advance(100);
    let asked = 0;
    scene.get = (ids) => {
      asked += 1;
      return Promise.resolve(ids.map(() => undefined));
    };
    scene.add("2");
    await scene.clock.settle();
    expect(scene.settled).toEqual(["1", "2"]);
    expect(asked).toBe(0);
  });
});

describe("a write in doubt", () => {
  /** Jobs that run, in a real store; the first write loses its answer, after `before` has done its part. */
  async function inDoubt(before: (storage: Storage, jobs: readonly ClaimedJob[]) => Promise<unknown>): Promise<{ readonly scene: Scene; readonly jobs: readonly ClaimedJob[] }> {
    const scene = new Scene();
    const storage = memoryStorage();
    await storage.open();
    await enqueue(storage, {}, {}, {});
    const jobs = await claim(storage);
    let writes = 0;
    scene.complete = async (transitions) => {
      writes += 1;
      if (writes > 1) return storage.complete(transitions);
      await before(storage, jobs);
      throw new Error("the answer was lost");
    };
    scene.get = (ids) => storage.get(ids, scene.clock.now());
    for (const job of jobs) scene.completer.add(settlement(job));
    await scene.clock.advance(100);
    return { scene, jobs };
  }

  it("is told when it was applied after all", async () => {
    const { scene, jobs } = await inDoubt((storage, all) => storage.complete(all.map((job) => settlement(job).transition)));
    expect(scene.writes).toHaveLength(2);
    expect(scene.settled).toEqual(jobs.map(({ id }) => id));
  });

  it("is told when it was not applied the first time, and when it was in part", async () => {
    const none = await inDoubt(() => Promise.resolve());
    expect(none.scene.settled).toEqual(none.jobs.map(({ id }) => id));
    const some = await inDoubt((storage, [first]) => storage.complete([settlement(first!).transition]));
    expect(some.scene.settled).toEqual(some.jobs.map(({ id }) => id));
  });

  it("is not told for a job that somebody else runs by then", async () => {
    const { scene, jobs } = await inDoubt(async (storage, [, second]) => {
      await storage.complete([givingBack(second!)]);
      await claim(storage, { runner: "other" });
    });
    expect(scene.settled).toEqual([jobs[0]!.id, jobs[2]!.id]);
  });

  it("stays in doubt while it cannot be looked up, and is told only once", async () => {
    const scene = new Scene();
    const job = claimed({ id: "1" });
    let writes = 0;
    scene.complete = () => (writes++ === 0 ? down() : Promise.resolve([false]));
    scene.get = down;
    scene.completer.add(settlement(job));
    await scene.clock.advance(1_000);
    expect(scene.settled).toEqual([]);
    expect(scene.completer.unsettled()).toEqual(["1"]);
    scene.get = () => Promise.resolve([{ ...job, state: "completed" }]);
    await scene.clock.advance(5_000);
    expect(scene.settled).toEqual(["1"]);
    expect(scene.completer.unsettled()).toEqual([]);
  });
});

describe("stop", () => {
  it("gives up what is not stored: nothing is written any more, and nobody is told", async () => {
    const scene = new Scene();
    scene.complete = down;
    scene.add("1");
    await scene.clock.settle();
    scene.completer.stop();
    expect(scene.completer.unsettled()).toEqual([]);
    scene.add("2");
    await scene.clock.advance(60_000);
    expect(scene.writes).toEqual([["1"]]);
    expect(scene.settled).toEqual([]);
    expect(scene.clock.timers).toBe(0);
  });

  it("also when a write is under way that fails then", async () => {
    const scene = new Scene();
    const answer = deferred<readonly boolean[]>();
    scene.complete = () => answer.promise;
    scene.add("1");
    await scene.clock.settle();
    scene.completer.stop();
    answer.reject(new Error("down"));
    await scene.clock.advance(60_000);
    expect(scene.writes).toEqual([["1"]]);
    expect(scene.clock.timers).toBe(0);
  });

  it("still tells of a write that was under way and succeeds", async () => {
    const scene = new Scene();
    const answer = deferred<readonly boolean[]>();
    scene.complete = () => answer.promise;
    scene.add("1");
    await scene.clock.settle();
    scene.completer.stop();
    answer.resolve([true]);
    await scene.clock.settle();
    expect(scene.settled).toEqual(["1"]);
  });
});
