// Jobs by the name of their kind, for those who run them themselves.

import { burn, noop, sleep, stamp } from "../jobs.js";

/** @import { Kind } from "../types.js" */

/**
 * @param {Kind} kind
 * @param {unknown} payload
 * @returns {unknown}
 */
export function runJob(kind, payload) {
  switch (kind) {
    case "noop":
      return noop(payload);
    case "burn":
      return burn(Number(payload));
    case "stamp":
      return stamp();
    case "sleep":
      return sleep(Number(payload));
  }
}

/**
 * The kinds of job that a measurement needs.
 *
 * @type {Readonly<Record<import("../types.js").Measure, readonly Kind[]>>}
 */
export const KINDS = { noops: ["noop"], burn: ["burn"], http: ["burn"], memory: ["noop", "sleep"], start: ["stamp"] };

/**
 * Where a payload has to be an object.
 *
 * @param {unknown} payload
 * @returns {object}
 */
export function wrap(payload) {
  return typeof payload === "object" && payload !== null ? payload : { value: payload };
}

/**
 * @param {unknown} data
 * @returns {unknown}
 */
export function unwrap(data) {
  return typeof data === "object" && data !== null && "value" in data ? data.value : data;
}
