// What the jobs do, the same for everybody.

export { burn } from "../macro/burn.js";

/**
 * @param {unknown} payload
 * @returns {unknown}
 */
export function noop(payload) {
  return payload;
}

/**
 * When it started, in ns. The clock is the same for all threads and processes of a machine, which `performance.now()` is not.
 *
 * @returns {number}
 */
export function stamp() {
  return Number(process.hrtime.bigint());
}

/**
 * Keeps the thread from everything else.
 *
 * @param {number} ms
 */
export function sleep(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
