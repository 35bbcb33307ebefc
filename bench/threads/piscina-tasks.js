// What Piscina runs: the same as the jobs.

import { move } from "piscina";
import { readAll as read } from "./work.js";

export { burn } from "./burn.js";
export { sharedNow as now } from "./clock.js";
export { burnAndTell, echo } from "./work.js";

/**
 * @param {Uint8Array} bytes
 */
export function readAll(bytes) {
  read(bytes);
  return move(bytes);
}
