import { fileURLToPath } from "node:url";
import { FixedThreadPool } from "poolifier";

const file = fileURLToPath(new URL("../threads/poolifier.js", import.meta.url));

/** @type {import("../types.js").Contestant} */
export default {
  packages: ["poolifier"],
  settings: "FixedThreadPool; with its tasks queue, 16 at once for jobs that do nothing, 2 for others; 1,000 tasks under way",
  measures: ["noops", "burn", "http", "memory", "start"],
  sizes: { noops: 70_000 },
  feed: { noops: { chunk: 1, window: 1_000 }, burn: { chunk: 1, window: 1_000 }, http: { chunk: 1, window: 64 } },
  open: async ({ threads, measure }, done) => {
    const pool = new FixedThreadPool(threads, file, {
      enableEvents: false,
      enableTasksQueue: true,
      tasksQueueOptions: { concurrency: measure === "noops" ? 16 : 2 },
    });
    return {
      enqueue: (kind, payloads) => {
        for (const payload of payloads) void pool.execute(payload, kind).then(done);
      },
      close: () => pool.destroy(),
    };
  },
};
