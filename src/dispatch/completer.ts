/**
 * Batches outcomes back into storage. Outcomes of one turn of the event loop are one write, or a few; what arrives during a write is the
 * next one. A failed write is repeated until it succeeds: only then is anyone told that a job has ended.
 */

import type { Clock } from "../clock.js";
import type { ClaimedJob, JobRow, JobState } from "../job/job-record.js";
import type { Outcome, Transition } from "../job/lifecycle.js";
import type { JobReader, JobWriter } from "../storage/storage.js";
import { deferred, type Deferred } from "../waiting.js";
import { RetryTimer } from "./retry-timer.js";

/** What is more waits for the next turn, so that others have theirs. */
const LARGEST_WRITE = 1_000;

/** A decided end of a run, on its way to storage. */
export interface Settlement {
  readonly job: ClaimedJob;
  readonly outcome: Outcome;
  readonly transition: Transition;
  /** The run was cut short by the death of its thread, for which another job is to blame. */
  readonly rescued: boolean;
}

export interface CompleterDeps {
  readonly storage: Pick<JobWriter & JobReader, "complete" | "get">;
  readonly clock: Clock;
  /** The storage has accepted it. */
  readonly onSettled: (settlement: Settlement) => void;
  /** It is not stored, as far as we know: the claim had passed to someone else, or we gave up. */
  readonly onRefused: (settlement: Settlement) => void;
  readonly onError: (error: unknown) => void;
}

export class Completer {
  readonly #deps: CompleterDeps;
  readonly #retry: RetryTimer;
  #pending: Settlement[] = [];
  #writing: readonly Settlement[] = [];
  #isFlushPlanned = false;
  #isStopped = false;
  #idle: Deferred<void> | undefined;

  constructor(deps: CompleterDeps) {
    this.#deps = deps;
    this.#retry = new RetryTimer(deps.clock, () => this.#planFlush());
  }

  /** A write has failed, and it is not known yet what it did. */
  get isInDoubt(): boolean {
    return this.#retry.isFailing;
  }

  add(settlement: Settlement): void {
    if (this.#isStopped) {
      this.#deps.onRefused(settlement);
      return;
    }
    this.#pending.push(settlement);
    this.#planFlush();
  }

  /** Resolves when all that was added is stored. */
  whenIdle(): Promise<void> {
    if (this.#pending.length === 0 && this.#writing.length === 0) return Promise.resolve();
    this.#idle ??= deferred();
    return this.#idle.promise;
  }

  /** The jobs that have ended and are not stored as such yet. */
  unsettled(): readonly ClaimedJob[] {
    return [...this.#writing, ...this.#pending].map(({ job }) => job);
  }

  /** Gives up on what is not stored yet: it belongs to whoever reclaims it. */
  stop(): void {
    this.#isStopped = true;
    this.#retry.stop();
    const left = [...this.#writing, ...this.#pending];
    this.#pending = [];
    for (const settlement of left) this.#deps.onRefused(settlement);
  }

  #planFlush(): void {
    if (this.#isStopped || this.#isFlushPlanned || this.#writing.length > 0 || this.#retry.isWaiting) return;
    this.#isFlushPlanned = true;
    this.#deps.clock.endOfTurn(() => {
      this.#isFlushPlanned = false;
      void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    if (this.#pending.length === 0) return;
    const batch = this.#pending.slice(0, LARGEST_WRITE);
    this.#pending = this.#pending.slice(LARGEST_WRITE);
    this.#writing = batch;
    try {
      const applied = await this.#deps.storage.complete(batch.map(({ transition }) => transition));
      const accepted = this.isInDoubt ? await this.#recheck(batch, applied) : applied;
      this.#retry.succeeded();
      batch.forEach((settlement, index) => {
        if (accepted[index] === true) this.#deps.onSettled(settlement);
        else this.#deps.onRefused(settlement);
      });
    } catch (error) {
      this.#pending = [...batch, ...this.#pending];
      if (!this.#isStopped) {
        this.#deps.onError(error);
        this.#retry.failed();
      }
    } finally {
      this.#writing = [];
    }
    if (this.#pending.length > 0) this.#planFlush();
    else this.#tellIdle();
  }

  /** After a failed write nobody knows what it did. What is under our fence as we wanted it, we ended ourselves. */
  async #recheck(batch: readonly Settlement[], applied: readonly boolean[]): Promise<readonly boolean[]> {
    const rows = await this.#deps.storage.get(
      batch.map(({ job }) => job.id),
      this.#deps.clock.now(),
    );
    return batch.map(({ transition }, index) => {
      const row = rows[index];
      return applied[index] === true || (row !== undefined && shows(row, transition));
    });
  }

  #tellIdle(): void {
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}

/** Whether a row is as the transition leaves it. Not so if the claim was taken from us meanwhile, though its fence is the same. */
function shows(row: JobRow, { fence, to, attempt }: Transition): boolean {
  const isPending = (state: JobState): boolean => state === "waiting" || state === "scheduled";
  return row.fence === fence && row.attempt === attempt && (row.state === to || (isPending(row.state) && isPending(to)));
}
