// A thread that nobody has to ask for each job: it runs so many of them, and says so once.

import { parentPort } from "node:worker_threads";
import { runJob } from "../lib/run-job.js";

/** @import { Kind } from "../types.js" */

parentPort?.on("message", (/** @type {{ readonly kind: Kind, readonly payloads: readonly unknown[] }} */ { kind, payloads }) => {
  for (const payload of payloads) runJob(kind, payload);
  parentPort?.postMessage(payloads.length);
});
