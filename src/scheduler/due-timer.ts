/** One timer for all jobs that are not due yet: wakes every queue when the first of them is. */

import type { Clock, Timer } from "../clock.js";
import type { JobReader } from "../storage/storage.js";

const RETRY_MS = 1_000;
/** The wall clock may be set, of which no timer hears: it is looked at so often while a job waits for its time. */
const LONGEST_WAIT_MS = 60_000;

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
    this.#dueAt = dueAt;
    this.#arm();
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

  #arm(): void {
    const { clock } = this.#deps;
    this.#timer?.cancel();
    const waitMs = Math.min(Math.max(this.#dueAt - clock.now(), 0), LONGEST_WAIT_MS);
    this.#timer = clock.setTimer(waitMs, () => this.#onTimer());
  }

  #onTimer(): void {
    const { clock, onDue } = this.#deps;
    if (clock.now() < this.#dueAt) {
      this.#arm();
      return;
    }
    this.#dueAt = Infinity;
    onDue();
    void this.refresh();
  }
}
