import type { Clock, Timer } from "../clock.js";

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;

/** When threads are tried again that could not be made ready: after a second, then twice as long each time, up to a minute. */
export class BootBackoff {
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  #failures = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  later(boot: () => void): void {
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** this.#failures, LONGEST_DELAY_MS) * (0.5 + this.#clock.random() / 2);
    this.#failures += 1;
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      boot();
    });
    this.#timers.add(timer);
  }

  /** A thread got ready, so the next failure is a first one. */
  succeeded(): void {
    this.#failures = 0;
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}
