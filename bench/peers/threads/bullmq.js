// What BullMQ runs in a sandbox.

import { runJob } from "../lib/run-job.js";

/**
 * @param {{ readonly name: string, readonly data: unknown }} job
 * @returns {Promise<unknown>}
 */
export default async function process(job) {
  return runJob(/** @type {import("../types.js").Kind} */ (job.name), job.data);
}
