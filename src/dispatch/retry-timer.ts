/** When a failed call of the storage is repeated: soon, and ever later while it goes on failing. */

import type { Clock, Timer } from "../clock.js";

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

export class RetryTimer {
  readonly #clock: Clock;
  readonly #retry: () => void;
  #failures = 0;
  #isStopped = false;
  #timer: Timer | undefined;

  constructor(clock: Clock, retry: () => void) {
    this.#clock = clock;
    this.#retry = retry;
  }

  /** The last call has failed. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** It is not yet time for the next call. */
  get isWaiting(): boolean {
    return this.#timer !== undefined;
  }

  failed(): void {
    if (this.#isStopped) return;
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LONGEST_RETRY_MS);
    this.#failures += 1;
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      this.#retry();
    });
  }

  succeeded(): void {
    this.#failures = 0;
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }
}
