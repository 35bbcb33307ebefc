/**
 * The time in ms by a clock that all threads share. `performance.now()` counts from the start of each thread, and the times of those
 * starts are only known to the millisecond.
 *
 * @returns {number}
 */
export function sharedNow() {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}
