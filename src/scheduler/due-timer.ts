/** One timer for all jobs that are not due yet: wakes every queue when the first of them is. */

import type { Clock, Timer } from "../clock.js";
import type { JobReader } from "../storage/storage.js";

const RETRY_MS = 1_000;

export interface DueTimerDeps {
  readonly storage: Pick<JobReader, "nextDueIn">;
  readonly clock: Clock;
  readonly onDue: () => void;
  readonly onError: (error: unknown) => void;
}

export class DueTimer {
  readonly #deps: DueTimerDeps;
  #timer: Timer | undefined;
  #dueAt = Infinity;
  #isStopped = false;

  constructor(deps: DueTimerDeps) {
    this.#deps = deps;
  }

  /** A job will be due at this wall time. May be told too often, never too seldom. */
  hint(dueAt: number): void {
    if (this.#isStopped || dueAt >= this.#dueAt) return;
    this.#timer?.cancel();
    this.#dueAt = dueAt;
    this.#timer = this.#deps.clock.setTimer(Math.max(dueAt - this.#deps.clock.now(), 0), () => this.#onTimer());
  }

  /** Asks the storage for the next due job. */
  async refresh(): Promise<void> {
    const { storage, clock, onError } = this.#deps;
    try {
      const now = clock.now();
      const inMs = await storage.nextDueIn(now);
      if (inMs !== null) this.hint(now + inMs);
    } catch (error) {
      onError(error);
      this.hint(clock.now() + RETRY_MS);
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #onTimer(): void {
    const isEarly = this.#deps.clock.now() < this.#dueAt;
    const dueAt = this.#dueAt;
    this.#dueAt = Infinity;
    // The wall clock was set back meanwhile.
    if (isEarly) this.hint(dueAt);
    else this.#deps.onDue();
    void this.refresh();
  }
}
