import { createEngine } from "../../../dist/src/index.js";
import { newEcho } from "../lib/session.js";

const jobs = new URL("../threads/millrace.js", import.meta.url);

/** @type {import("../types.js").Contestant} */
export default {
  packages: ["millrace"],
  settings: "memory storage, default options; enqueueMany of 1,000, every result awaited; its jobs wait without handles",
  measures: ["noops", "burn", "http", "memory", "start"],
  sizes: { noops: 200_000 },
  feed: { noops: { chunk: 1_000, window: Infinity }, burn: { chunk: 1_000, window: Infinity }, http: { chunk: 1, window: 64 } },
  open: async ({ threads }, done) => {
    const engine = createEngine({ jobs, queues: { default: { threads } } });
    await engine.start();
    return {
      enqueue: async (kind, payloads) => {
        const handles = await engine.enqueueMany(kind, payloads);
        for (const handle of handles) void handle.result().then(done);
      },
      close: async () => {
        await engine.stop();
      },
    };
  },
  waiting: async (_setup, count) => {
    const engine = createEngine({});
    for (let left = count; left > 0; left -= 1_000) await engine.enqueueMany("noop", Array.from({ length: Math.min(left, 1_000) }, newEcho));
    return { kept: engine };
  },
};
