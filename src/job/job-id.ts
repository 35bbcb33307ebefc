import type { Clock } from "../clock.js";
import type { JobId } from "./job-record.js";

/** Ids of one millisecond that stay in order; then the clock of the ids runs ahead by one. */
const PER_MS = 2 ** 12;
/** The first digit of the fourth group. */
const VARIANT = "8";
/** All numbers of twelve bits in three hexadecimal digits. */
const DIGITS = Array.from({ length: PER_MS }, (_, value) => value.toString(16).padStart(3, "0"));

/**
 * Makes ids that are UUIDs of version 7: unique, and sorting in the order in which they were made, also when the wall clock
 * goes back. Own code because time and randomness must come from the injected clock.
 */
export function jobIds(clock: Clock): () => JobId {
  let lastMs = 0;
  let counter = 0;
  // The same for all ids of a millisecond: the counter between them tells those apart, the random end those of other processes.
  let start = startOf(lastMs);
  let end = endOf(clock);
  const begin = (ms: number): void => {
    lastMs = ms;
    counter = 0;
    start = startOf(ms);
    end = endOf(clock);
  };
  return () => {
    const now = Math.trunc(clock.now());
    if (now > lastMs) {
      begin(now);
    } else {
      counter += 1;
      if (counter === PER_MS) begin(lastMs + 1);
    }
    return start + digits(counter) + end;
  };
}

function digits(value: number): string {
  return DIGITS[Math.floor(value)] ?? "";
}

function sixDigits(value: number): string {
  return digits(value / PER_MS) + digits(value % PER_MS);
}

/** The time and the version. */
function startOf(ms: number): string {
  const time = ms.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7`;
}

/** The variant and 60 random bits. */
function endOf(clock: Clock): string {
  // A random number has at least 52 bits.
  const random = clock.random() * 2 ** 24;
  return `-${VARIANT}${digits(clock.random() * PER_MS)}-${sixDigits(random)}${sixDigits((random % 1) * 2 ** 24)}`;
}
