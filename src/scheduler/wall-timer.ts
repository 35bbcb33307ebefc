/** Waits for a time of the wall clock, which may be set: no timer hears of that, so the clock is looked at now and then. */

import type { Clock, Timer } from "../clock.js";

const LONGEST_WAIT_MS = 60_000;

export class WallTimer {
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `fire` once the wall clock shows `at`, in ms since the epoch. What was set before is cancelled. */
  set(at: number, fire: () => void): void {
    this.cancel();
    const waitMs = Math.min(Math.max(at - this.#clock.now(), 0), LONGEST_WAIT_MS);
    this.#timer = this.#clock.setTimer(waitMs, () => (this.#clock.now() < at ? this.set(at, fire) : fire()));
  }

  cancel(): void {
    this.#timer?.cancel();
  }
}
