import { createEngine } from "../../../dist/src/index.js";

const jobs = new URL("../threads/millrace.js", import.meta.url);

/** @type {import("../types.js").Contestant} */
export default {
  packages: ["millrace"],
  settings: "memory storage, default options; run() for each job, as with a pool",
  measures: ["noops", "burn", "http", "start"],
  sizes: { noops: 150_000 },
  feed: { noops: { chunk: 1, window: Infinity }, burn: { chunk: 1, window: Infinity }, http: { chunk: 1, window: 64 } },
  open: async ({ threads }, done) => {
    const engine = createEngine({ jobs, queues: { default: { threads } } });
    await engine.start();
    return {
      enqueue: (kind, payloads) => {
        for (const payload of payloads) void engine.run(kind, payload).then(done);
      },
      close: async () => {
        await engine.stop();
      },
    };
  },
};
