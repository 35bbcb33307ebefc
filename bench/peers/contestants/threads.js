// Two cores at their own work, which is what everybody else is measured by.

import { startThreads, stopThreads } from "../lib/bare-threads.js";

/** @type {import("../types.js").Contestant} */
export default {
  packages: [],
  settings: "no queue: each thread is told once of all it has to do",
  measures: ["burn", "http"],
  sizes: { burns: 1_000 },
  feed: {
    noops: { chunk: 1, window: 1 },
    burn: { chunk: Infinity, window: Infinity },
    http: { chunk: 256, window: 512 },
  },
  open: async ({ threads: count }, done) => {
    const threads = await startThreads(new URL("../threads/loop.js", import.meta.url), count);
    for (const thread of threads) {
      thread.on("message", (/** @type {number} */ ended) => {
        for (let job = 0; job < ended; job += 1) done(undefined);
      });
    }
    return {
      enqueue: (kind, payloads) => {
        const share = Math.ceil(payloads.length / count);
        for (const [index, thread] of threads.entries()) thread.postMessage({ kind, payloads: payloads.slice(index * share, (index + 1) * share) });
      },
      close: () => stopThreads(threads),
    };
  },
};
