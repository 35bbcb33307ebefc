/** Deletes finished jobs past their retention: when one falls due, and whenever many have finished. Idle, it does nothing. */

import type { Clock, Timer } from "../clock.js";
import type { JobWriter, Retention } from "../storage/storage.js";

/** So many jobs may finish between two looks at counts and bytes. */
const FINISHED_BETWEEN = 256;
const LIMIT = 1_000;
/** Ages are hours and days: looking more often would serve nobody. */
const SHORTEST_WAIT_MS = 1_000;
const RETRY_MS = 10_000;

export interface PrunerDeps {
  readonly storage: Pick<JobWriter, "prune">;
  readonly clock: Clock;
  readonly retention: Retention;
  /** It is not known yet which jobs have finished, so none of them may go. */
  readonly isInDoubt: () => boolean;
  readonly onError: (error: unknown) => void;
}

export class Pruner {
  readonly #deps: PrunerDeps;
  #timer: Timer | undefined;
  #finished = 0;
  #isPruning = false;
  #isStopped = false;

  constructor(deps: PrunerDeps) {
    this.#deps = deps;
  }

  /** A job has finished. */
  note(): void {
    this.#finished += 1;
    // The first one sets the timer.
    if (this.#timer === undefined || this.#finished >= FINISHED_BETWEEN) void this.prune();
  }

  async prune(): Promise<void> {
    if (this.#isPruning || this.#isStopped) return;
    const { storage, clock, retention, isInDoubt, onError } = this.#deps;
    this.#isPruning = true;
    this.#finished = 0;
    let waitMs: number | null = RETRY_MS;
    try {
      if (!isInDoubt()) {
        const { pruned, nextInMs } = await storage.prune({ retention, limit: LIMIT, now: clock.now() });
        waitMs = pruned === LIMIT ? 0 : nextInMs === null ? null : Math.max(nextInMs, SHORTEST_WAIT_MS);
      }
    } catch (error) {
      onError(error);
    }
    this.#isPruning = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (waitMs !== null) this.#pruneIn(waitMs);
  }

  #pruneIn(waitMs: number): void {
    if (!this.#isStopped) this.#timer = this.#deps.clock.setTimer(waitMs, () => void this.prune());
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }
}
