import { fileURLToPath } from "node:url";
import workerpool from "workerpool";

const file = fileURLToPath(new URL("../threads/workerpool.js", import.meta.url));

/** @type {import("../types.js").Contestant} */
export default {
  packages: ["workerpool"],
  settings: "workerType thread, threads kept; 200 tasks under way where they do nothing, 64 where they take 1 ms",
  measures: ["noops", "burn", "http", "memory", "start"],
  sizes: { noops: 25_000 },
  feed: { noops: { chunk: 1, window: 200 }, burn: { chunk: 1, window: 64 }, http: { chunk: 1, window: 64 } },
  open: async ({ threads }, done) => {
    const pool = workerpool.pool(file, { minWorkers: threads, maxWorkers: threads, workerType: "thread" });
    return {
      enqueue: (kind, payloads) => {
        for (const payload of payloads) void pool.exec(kind, [payload]).then(done);
      },
      close: async () => {
        await pool.terminate();
      },
    };
  },
};
