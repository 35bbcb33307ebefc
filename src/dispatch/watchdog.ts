/**
 * Deadlines of the jobs of one queue, counted from the start of each run, and the grace of those that were asked to stop. Sets
 * one timer per job that has either.
 */

import type { Clock, Timer } from "../clock.js";
import type { JobId } from "../job/job-record.js";

export interface WatchdogDeps {
  readonly clock: Clock;
  /** How long a job may go on after it was asked to stop. */
  readonly graceMs: number;
  /** On the monotonic clock; `null` if the job has not started. */
  readonly startedAt: (id: JobId) => number | null;
  readonly onDeadline: (id: JobId) => void;
  readonly onGraceOver: (id: JobId) => void;
}

export class Watchdog {
  readonly #deps: WatchdogDeps;
  readonly #timers = new Map<JobId, Timer>();
  /** These were asked to stop. */
  readonly #asked = new Set<JobId>();

  constructor(deps: WatchdogDeps) {
    this.#deps = deps;
  }

  watch(id: JobId, timeoutMs: number): void {
    this.#arm(id, timeoutMs, () => this.#check(id, timeoutMs));
  }

  /** The job was asked to stop for some other reason than its deadline, which does not matter any more. A grace that runs, goes on. */
  giveGrace(id: JobId): void {
    if (this.#asked.has(id)) return;
    this.#timers.get(id)?.cancel();
    this.#asked.add(id);
    this.#arm(id, this.#deps.graceMs, () => {
      this.#timers.delete(id);
      this.#deps.onGraceOver(id);
    });
  }

  forget(id: JobId): void {
    // Most jobs have neither a deadline nor a grace.
    if (this.#timers.size === 0 && this.#asked.size === 0) return;
    this.#timers.get(id)?.cancel();
    this.#timers.delete(id);
    this.#asked.delete(id);
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #check(id: JobId, timeoutMs: number): void {
    const startedAt = this.#deps.startedAt(id);
    // It cannot be due before a whole timeout from now if it has not started yet.
    const leftMs = startedAt === null ? timeoutMs : startedAt + timeoutMs - this.#deps.clock.monotonic();
    if (leftMs > 0) {
      this.#arm(id, leftMs, () => this.#check(id, timeoutMs));
      return;
    }
    this.giveGrace(id);
    this.#deps.onDeadline(id);
  }

  #arm(id: JobId, delayMs: number, fire: () => void): void {
    this.#timers.set(id, this.#deps.clock.setTimer(delayMs, fire));
  }
}
