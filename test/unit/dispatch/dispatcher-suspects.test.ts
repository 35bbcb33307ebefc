import { expect, it } from "vitest";
import { Dispatcher } from "../../../src/dispatch/dispatcher.js";
import type { DispatchListener } from "../../../src/dispatch/dispatcher-deps.js";
import type { Death } from "../../../src/dispatch/pool.js";
import type { ClaimedJob, JobId } from "../../../src/job/job-record.js";
import { manualClock } from "../../../src/testing/manual-clock.js";
import { claimed, ok } from "../sample-job.js";
import { FakeLane } from "./fake-lane.js";

const UNTOLD = { cause: "exited", exitCode: 1, error: null, culprit: null, wasDeaf: false, stuckAt: null, heap: null } as const;

/** A dispatcher with these jobs on its first lane. */
class Scene {
  readonly lane = new FakeLane(0);
  readonly settled: string[] = [];
  readonly dispatcher: Dispatcher;
  #waiting: readonly ClaimedJob[];

  constructor(...ids: readonly JobId[]) {
    this.#waiting = ids.map((id) => claimed({ id }));
    const ignore = (): void => undefined;
    const listener: DispatchListener = {
      settle: ({ job, transition }) => this.settled.push(`${job.id} ${transition.to} after ${transition.attempt}`),
      ...{ reclaimed: ignore, started: ignore, progressed: ignore, logged: ignore, laneReady: ignore, laneGone: ignore, leaked: ignore },
      ...{ rescued: ignore, lateError: ignore, unhealthy: ignore, storageFailed: ignore },
    };
    this.dispatcher = new Dispatcher({
      ...{ queue: "q", runner: "me", clock: manualClock(), listener, timeoutMs: null, graceMs: 100, maxJobsPerThread: null },
      pool: { threads: 1, concurrency: ids.length, leaked: 0, start: () => Promise.resolve(), stop: () => Promise.resolve(), unref: ignore },
      storage: { claim: () => Promise.resolve(this.#take()), reclaim: () => Promise.resolve([]) },
      unsettled: () => [],
      onClockBack: ignore,
    });
    this.dispatcher.ready(this.lane);
  }

  #take(): readonly ClaimedJob[] {
    const jobs = this.#waiting;
    this.#waiting = [];
    return jobs;
  }

  die(lane: FakeLane, death: Pick<Death, "started" | "unstarted">): void {
    this.dispatcher.gone(lane, { ...UNTOLD, ...death });
  }

  next(lane: FakeLane): FakeLane {
    this.dispatcher.ready(lane);
    return lane;
  }
}

it("a suspect that is taken back from a lane, since that is to end, is suspected still", async () => {
  const scene = new Scene("a", "b");
  await expect.poll(() => scene.lane.sent).toEqual([["a", "b"]]);
  scene.die(scene.lane, { started: ["a", "b"], unstarted: [] });
  const second = scene.next(new FakeLane(0));
  expect(second.sent).toEqual([["a"]]);
  second.starts.set("a", 0);
  scene.dispatcher.answered(second, { id: "a", outcome: ok(), tookMs: 1, progress: null });
  expect(second.sent).toEqual([["a"], ["b"]]);
  scene.dispatcher.heapHigh(second);
  expect(second.asked).toEqual(["end"]);
  expect(scene.settled).toEqual(["a completed after 1"]);
  scene.dispatcher.gone(second, { ...UNTOLD, cause: "ended", started: [], unstarted: [] });
  const third = scene.next(new FakeLane(0));
  expect(third.sent).toEqual([["b"]]);
  scene.dispatcher.cancel("b");
  expect(scene.settled).toEqual(["a completed after 1", "b cancelled after 0"]);
});
