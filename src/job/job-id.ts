import type { Clock } from "../clock.js";
import type { JobId } from "./job-record.js";

/** Ids of one millisecond that stay in order; then the clock of the ids runs ahead by one. */
const PER_MS = 2 ** 12;
const VARIANT = 0x8;

/**
 * Makes ids that are UUIDs of version 7: unique, and sorting in the order in which they were made, also when the wall clock
 * goes back. Own code because time and randomness must come from the injected clock.
 */
export function jobIds(clock: Clock): () => JobId {
  let lastMs = 0;
  let counter = 0;
  return () => {
    const now = Math.trunc(clock.now());
    if (now > lastMs) {
      lastMs = now;
      counter = 0;
    } else {
      counter += 1;
      if (counter === PER_MS) {
        lastMs += 1;
        counter = 0;
      }
    }
    const time = hex(lastMs, 12);
    const random = hex(Math.floor(clock.random() * 2 ** 48), 12);
    const variant = hex((VARIANT << 12) + Math.floor(clock.random() * PER_MS), 4);
    return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(counter, 3)}-${variant}-${random}`;
  };
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
