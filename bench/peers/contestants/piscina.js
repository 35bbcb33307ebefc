import { cpuPool } from "../lib/cpu-pool.js";

/** @type {import("../types.js").Contestant} */
export default {
  packages: ["piscina"],
  settings: "threads kept; recordTiming off; concurrentTasksPerWorker 16 and 200 tasks under way where they do nothing, 2 and 64 where they take 1 ms",
  measures: ["noops", "burn", "http", "memory", "start"],
  sizes: { noops: 60_000 },
  feed: { noops: { chunk: 1, window: 200 }, burn: { chunk: 1, window: 64 }, http: { chunk: 1, window: 64 } },
  open: async ({ threads, measure }, done) => {
    const pool = cpuPool(threads, measure === "noops" ? 16 : 2);
    return {
      enqueue: (kind, payloads) => {
        for (const payload of payloads) void pool.run(kind, payload).then(done);
      },
      close: () => pool.close(),
    };
  },
};
