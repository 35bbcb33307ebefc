import { fileURLToPath } from "node:url";
import { setTimeout } from "node:timers/promises";
import { FixedThreadPool } from "poolifier";

const file = fileURLToPath(new URL("../threads/poolifier.js", import.meta.url));

const PATIENCE_MS = 500;

/** @type {import("../types.js").Contestant} */
export default {
  packages: ["poolifier"],
  settings: "FixedThreadPool; 200 tasks under way where they do nothing; 64 where they take 1 ms, with its tasks queue, 2 at once per thread",
  measures: ["noops", "burn", "http", "memory", "start"],
  sizes: { noops: 70_000 },
  feed: { noops: { chunk: 1, window: 200 }, burn: { chunk: 1, window: 64 }, http: { chunk: 1, window: 64 } },
  open: async ({ threads, measure }, done) => {
    const pool = new FixedThreadPool(threads, file, {
      enableEvents: false,
      ...(measure === "noops" ? {} : { enableTasksQueue: true, tasksQueueOptions: { concurrency: 2 } }),
    });
    return {
      enqueue: (kind, payloads) => {
        for (const payload of payloads) void pool.execute(payload, kind).then(done);
      },
      close: async () => {
        const threads = pool.workerNodes.map(({ worker }) => worker);
        // It happens that this never resolves.
        await Promise.race([pool.destroy(), setTimeout(PATIENCE_MS)]);
        await Promise.all(threads.map((thread) => thread.terminate()));
      },
    };
  },
};
