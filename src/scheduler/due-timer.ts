/** One timer for all jobs that are not due yet: wakes every queue when the first of them is. */

import type { Clock } from "../clock.js";
import type { JobReader } from "../storage/storage.js";
import { WallTimer } from "./wall-timer.js";

const RETRY_MS = 1_000;

export interface DueTimerDeps {
  readonly storage: Pick<JobReader, "nextDueIn">;
  readonly clock: Clock;
  readonly onDue: () => void;
  readonly onError: (error: unknown) => void;
}

export class DueTimer {
  readonly #deps: DueTimerDeps;
  readonly #timer: WallTimer;
  #dueAt = Infinity;
  #isStopped = false;

  constructor(deps: DueTimerDeps) {
    this.#deps = deps;
    this.#timer = new WallTimer(deps.clock);
  }

  /** A job will be due at this wall time. May be told too often, never too seldom. */
  hint(dueAt: number): void {
    if (this.#isStopped || dueAt >= this.#dueAt) return;
    this.#dueAt = dueAt;
    this.#timer.set(dueAt, () => this.#onDue());
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
    this.#timer.cancel();
  }

  #onDue(): void {
    this.#dueAt = Infinity;
    this.#deps.onDue();
    void this.refresh();
  }
}
