// A thread without an engine: a frame of packed jobs comes, the frame of their results goes back.

import { parentPort } from "node:worker_threads";
import { runJob } from "../lib/run-job.js";
import { pack, unpack } from "../lib/frames.js";

/** @import { Kind } from "../types.js" */

parentPort?.on("message", (/** @type {{ readonly kind: Kind, readonly bytes: Uint8Array<ArrayBuffer> }} */ { kind, bytes }) => {
  const results = unpack(bytes).map((payload) => runJob(kind, payload));
  const answer = pack(results);
  parentPort?.postMessage(answer, [answer.buffer]);
});
