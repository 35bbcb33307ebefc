/** Deletes finished jobs past their retention: when one falls due, and soon after others have finished. Idle, it does nothing. */

import type { Clock, Timer } from "../clock.js";
import type { JobWriter, Retention } from "../storage/storage.js";

/** So many jobs may finish between two looks at counts and bytes, and such a part of the bytes that may be kept. */
const FINISHED_BETWEEN = 256;
const BYTES_BETWEEN = 0.25;
const LIMIT = 1_000;
/** Unless it gets that much: looking more often would serve nobody. */
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
  #timerAt = Infinity;
  #finished = 0;
  #bytes = 0;
  #isPruning = false;
  #isStopped = false;

  constructor(deps: PrunerDeps) {
    this.#deps = deps;
  }

  /** A job has finished, and its payload and result take so much. */
  note(bytes: number): void {
    this.#finished += 1;
    this.#bytes += bytes;
    const isMuch = this.#finished >= FINISHED_BETWEEN || this.#bytes > this.#deps.retention.bytes * BYTES_BETWEEN;
    if (isMuch) void this.prune();
    else this.#pruneIn(SHORTEST_WAIT_MS);
  }

  async prune(): Promise<void> {
    if (this.#isPruning || this.#isStopped) return;
    const { storage, clock, retention, isInDoubt, onError } = this.#deps;
    this.#isPruning = true;
    this.#finished = 0;
    this.#bytes = 0;
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
    this.#timerAt = Infinity;
    if (waitMs !== null) this.#pruneIn(waitMs);
    // Meanwhile finished.
    if (this.#finished > 0) this.#pruneIn(SHORTEST_WAIT_MS);
  }

  /** Unless that is to happen sooner. */
  #pruneIn(waitMs: number): void {
    const at = this.#deps.clock.monotonic() + waitMs;
    if (this.#isStopped || at >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#deps.clock.setTimer(waitMs, () => {
      this.#timerAt = Infinity;
      void this.prune();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }
}
