// Piscina: as itself, and as the threads that a queue without threads hands its CPU work to, as its users do by hand.

import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";

/** @import { Kind } from "../types.js" */

const filename = fileURLToPath(new URL("../threads/pool.js", import.meta.url));

/**
 * @param {number} threads
 * @param {number} [tasksAtOnce] per thread
 * @returns {{ readonly run: (kind: Kind, payload: unknown) => Promise<unknown>, readonly close: () => Promise<void> }}
 */
export function cpuPool(threads, tasksAtOnce = 2) {
  const pool = new Piscina({
    filename,
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Infinity,
    recordTiming: false,
    concurrentTasksPerWorker: tasksAtOnce,
  });
  return { run: (kind, payload) => pool.run(payload, { name: kind }), close: () => pool.destroy() };
}
