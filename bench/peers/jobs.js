// What the jobs do, the same for everybody.

/**
 * Keeps a core busy.
 *
 * @param {number} steps
 * @returns {number}
 */
export function burn(steps) {
  let value = 1;
  for (let step = 0; step < steps; step += 1) value = (value * 1_103_515_245 + 12_345) % 2_147_483_648;
  return value;
}

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
