import { startThreads, stopThreads } from "../lib/bare-threads.js";
import { pack, unpack } from "../lib/frames.js";

/** @import { Kind } from "../types.js" */

/** So many frames are at a thread at once: while one is worked on, the next lies ready. */
const FRAMES_AHEAD = 2;
const FRAME = 256;

/** @type {import("../types.js").Contestant} */
export default {
  packages: ["msgpackr"],
  settings: `worker.postMessage and nothing else; ${FRAME} jobs packed in a message, 4 where a job takes 1 ms; 2 messages under way per thread`,
  measures: ["noops", "burn", "http", "memory", "start"],
  sizes: { noops: 3_000_000 },
  feed: { noops: { chunk: FRAME, window: 16 * FRAME }, burn: { chunk: 4, window: 64 }, http: { chunk: 4, window: 64 } },
  open: async ({ threads: count }, done) => {
    const threads = await startThreads(new URL("../threads/bare.js", import.meta.url), count);
    /** @type {{ readonly kind: Kind, readonly bytes: Uint8Array<ArrayBuffer> }[]} */
    const frames = [];
    /** Each stands for a place at a thread. */
    const free = threads.flatMap((thread) => Array(FRAMES_AHEAD).fill(thread));
    function send() {
      while (frames.length > 0 && free.length > 0) {
        const frame = frames.shift();
        free.shift().postMessage(frame, [frame?.bytes.buffer]);
      }
    }
    for (const thread of threads) {
      thread.on("message", (/** @type {Uint8Array<ArrayBuffer>} */ bytes) => {
        free.push(thread);
        send();
        for (const result of unpack(bytes)) done(result);
      });
    }
    return {
      enqueue: (kind, payloads) => {
        frames.push({ kind, bytes: pack(payloads) });
        send();
      },
      close: () => stopThreads(threads),
    };
  },
};
