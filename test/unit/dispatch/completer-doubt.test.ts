import { describe, expect, it } from "vitest";
import type { ClaimedJob } from "../../../src/job/job-record.js";
import { nextTransition } from "../../../src/job/lifecycle.js";
import { memoryStorage } from "../../../src/storage/memory/memory-storage.js";
import type { Storage } from "../../../src/storage/storage.js";
import { claim, enqueue, givingBack } from "../../../src/testing/storage-suite/sample-jobs.js";
import { claimed } from "../sample-job.js";
import { down, Scene, settlement } from "./completer-scene.js";

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
    expect(scene.refused).toEqual([jobs[1]!.id]);
  });

  it("is not told for a job that was taken from us and waits, though nobody has claimed it since", async () => {
    const { scene, jobs } = await inDoubt((storage, all) =>
      storage.reclaim({ runner: "runner", queue: "default", keep: [all[0]!, all[2]!], now: 0 }),
    );
    expect(scene.settled).toEqual([jobs[0]!.id, jobs[2]!.id]);
    expect(scene.refused).toEqual([jobs[1]!.id]);
  });

  it("is not told for a job that is gone", async () => {
    const { scene, jobs } = await inDoubt(async (storage, [first]) => {
      await storage.complete([settlement(first!).transition]);
      await storage.change({ action: "remove", id: first!.id, now: 0 });
    });
    expect(scene.refused).toEqual([jobs[0]!.id]);
    expect(scene.settled).toEqual([jobs[1]!.id, jobs[2]!.id]);
  });

  it("is told for a job that was given back, whether it waits or is scheduled by the clock of the storage", async () => {
    const scene = new Scene();
    const job = claimed({ id: "1" });
    const transition = nextTransition(job, { kind: "unexecuted" }, { now: 5, random: 0, cancelRequested: false, progress: null });
    let writes = 0;
    scene.complete = () => (writes++ === 0 ? down() : Promise.resolve([false]));
    scene.get = () => Promise.resolve([{ ...job, state: "scheduled", attempt: 0 }]);
    scene.completer.add({ ...settlement(job), transition });
    expect(scene.completer.isInDoubt).toBe(false);
    await scene.clock.settle();
    expect(scene.completer.isInDoubt).toBe(true);
    await scene.clock.advance(100);
    expect(scene.settled).toEqual(["1"]);
    expect(scene.completer.isInDoubt).toBe(false);
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
    expect(scene.completer.unsettled().map(({ id }) => id)).toEqual(["1"]);
    scene.get = () => Promise.resolve([{ ...job, state: "completed" }]);
    await scene.clock.advance(5_000);
    expect(scene.settled).toEqual(["1"]);
    expect(scene.completer.unsettled().map(({ id }) => id)).toEqual([]);
  });
});
