import { InlinePool } from "../../src/dispatch/inline-pool.js";
import type { Lane, Pool } from "../../src/dispatch/pool.js";
import { Engine } from "../../src/engine.js";
import { defineJobs, type Job } from "../../src/job/define-job.js";
import { listenerWith } from "../pool-listener.js";
import type { ManualClock } from "../../src/testing/manual-clock.js";
import type { Storage } from "../../src/storage/storage.js";

/** An engine whose threads say that they know jobs which they do not, as during a deployment. */
export function lyingEngine(options: {
  readonly clock: ManualClock;
  readonly storage: Storage;
  readonly jobs: readonly Job[];
  readonly claimsToKnow: readonly string[];
}): Engine {
  const { clock, storage, jobs, claimsToKnow } = options;
  return new Engine(
    { storage, queues: { default: { threads: 1 } } },
    {
      clock,
      createPool: (queue, { threads, concurrency }, around): Pool => {
        const pool = new InlinePool({
          ...{ queue, threads, concurrency, clock, ...around },
          loadJobs: async () => defineJobs({ jobs: jobs as readonly Job<never, unknown, undefined>[] }),
        });
        const lanes = new Map<Lane, Lane>();
        // A lane is one object for as long as it lives.
        const lying = (lane: Lane): Lane => {
          const known = lanes.get(lane) ?? lyingLane(lane, claimsToKnow);
          lanes.set(lane, known);
          return known;
        };
        return {
          threads,
          concurrency,
          leaked: 0,
          start: (listener) =>
            pool.start(
              listenerWith(listener, {
                ready: (lane) => listener.ready(lying(lane)),
                answered: (lane, answer) => listener.answered(lying(lane), answer),
                gone: (lane, death) => listener.gone(lying(lane), death),
              }),
            ),
          stop: () => pool.stop(),
          unref: () => pool.unref(),
        };
      },
    },
  );
}

function lyingLane(lane: Lane, claimsToKnow: readonly string[]): Lane {
  return {
    thread: lane.thread,
    names: [...lane.names, ...claimsToKnow],
    get room() {
      return lane.room;
    },
    send: (jobs) => lane.send(jobs),
    collect: () => lane.collect(),
    takeBack: (ids) => lane.takeBack(ids),
    askToStop: (id, reason) => lane.askToStop(id, reason),
    heardStop: (id) => lane.heardStop(id),
    startedAt: (id) => lane.startedAt(id),
    progress: (id) => lane.progress(id),
    retire: () => lane.retire(),
    end: () => lane.end(),
    kill: () => lane.kill(),
  };
}
