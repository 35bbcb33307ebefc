// Where a queue runs its jobs: on its own thread, or on those of a pool.

import { cpuPool } from "./cpu-pool.js";
import { runJob } from "./run-job.js";

/** @import { Kind } from "../types.js" */

/**
 * @param {boolean} withPool
 * @param {number} threads
 * @returns {{ readonly run: (kind: Kind, payload: unknown) => unknown, readonly close: () => Promise<void> }}
 */
export function makeRunner(withPool, threads) {
  return withPool ? cpuPool(threads) : { run: runJob, close: async () => undefined };
}
