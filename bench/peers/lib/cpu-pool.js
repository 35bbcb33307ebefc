// The threads that a queue without threads hands its CPU work to, as its users do by hand.

import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";

/** @import { Kind } from "../types.js" */

const filename = fileURLToPath(new URL("../threads/pool.js", import.meta.url));

/**
 * @param {number} threads
 * @returns {{ readonly run: (kind: Kind, payload: unknown) => Promise<unknown>, readonly close: () => Promise<void> }}
 */
export function cpuPool(threads) {
  const pool = new Piscina({
    filename,
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Infinity,
    recordTiming: false,
    concurrentTasksPerWorker: 2,
  });
  return { run: (kind, payload) => pool.run(payload, { name: kind }), close: () => pool.destroy() };
}
