import fastq from "fastq";
import { runJob } from "../lib/run-job.js";
import { newEcho } from "../lib/session.js";

/** @import { Kind } from "../types.js" */

/** @type {import("../types.js").Contestant} */
export default {
  packages: ["fastq"],
  settings: "no threads; its promises, since all others' results are awaited too; one at a time",
  measures: ["noops", "burn", "http", "memory", "start"],
  sizes: { noops: 3_000_000, burns: 1_000 },
  feed: { noops: { chunk: 1_000, window: Infinity }, burn: { chunk: 1, window: 64 }, http: { chunk: 1, window: 64 } },
  open: async (_setup, done) => {
    const queue = fastq.promise(async (/** @type {{ readonly kind: Kind, readonly payload: unknown }} */ { kind, payload }) => runJob(kind, payload), 1);
    return {
      enqueue: (kind, payloads) => {
        for (const payload of payloads) void queue.push({ kind, payload }).then(done);
      },
      close: async () => queue.kill(),
    };
  },
  waiting: async (_setup, count) => {
    const queue = fastq.promise(async () => undefined, 1);
    queue.pause();
    for (let job = 0; job < count; job += 1) void queue.push(newEcho()).then(() => undefined);
    return { kept: queue };
  },
};
