// What is done in threads, by whomever: the jobs, Piscina's tasks and the bare workers all call these.

import { burn } from "./burn.js";
import { sharedNow } from "./clock.js";

/**
 * @param {unknown} payload
 */
export function echo(payload) {
  return payload;
}

/**
 * Works and says when.
 *
 * @param {number} steps
 * @returns {[startedAt: number, finishedAt: number]}
 */
export function burnAndTell(steps) {
  const startedAt = sharedNow();
  burn(steps);
  return [startedAt, sharedNow()];
}

/**
 * Reads every byte, four at a time.
 *
 * @param {Uint8Array} bytes a multiple of four, from the start of its buffer
 */
export function readAll(bytes) {
  const words = new Int32Array(bytes.buffer);
  let sum = 0;
  for (let index = 0; index < words.length; index += 1) sum = (sum + words[index]) | 0;
  return sum;
}
