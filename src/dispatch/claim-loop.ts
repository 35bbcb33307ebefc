/**
 * Claims as long as there is capacity and there are jobs, one claim at a time. A failed claim is repeated later; it may have
 * been applied, so what it claimed in our name and never told us is given back first.
 */

import type { Clock } from "../clock.js";
import type { ClaimedJob, JobRow } from "../job/job-record.js";
import type { Claim, JobWriter, Ownership } from "../storage/storage.js";
import { RetryTimer } from "./retry-timer.js";

export interface ClaimLoopDeps {
  readonly queue: string;
  readonly runner: string;
  readonly storage: Pick<JobWriter & Ownership, "claim" | "reclaim">;
  readonly clock: Clock;
  /** How many jobs may be claimed now. */
  readonly capacity: () => number;
  /** The jobs that the threads can run. */
  readonly names: () => readonly string[];
  /** The claims we know of. */
  readonly held: () => readonly Claim[];
  readonly onClaimed: (jobs: readonly ClaimedJob[]) => void;
  /** Jobs of a claim whose answer was lost wait again. */
  readonly onReclaimed: (jobs: readonly JobRow[]) => void;
  readonly onError: (error: unknown) => void;
  /** The wall clock was set back since the last claim. */
  readonly onClockBack: () => void;
  /** No claim is under way any more. */
  readonly onIdle: () => void;
}

export class ClaimLoop {
  readonly #deps: ClaimLoopDeps;
  readonly #retry: RetryTimer;
  #isClaiming = false;
  #wokenWhileClaiming = false;
  #isStopped = false;
  /** We may have claimed jobs that nobody told us of. */
  #isInDoubt = false;
  #latestNow = -Infinity;

  constructor(deps: ClaimLoopDeps) {
    this.#deps = deps;
    this.#retry = new RetryTimer(deps.clock, () => this.wake());
  }

  get isIdle(): boolean {
    return !this.#isClaiming;
  }

  wake(): void {
    if (this.#isClaiming) this.#wokenWhileClaiming = true;
    else if (this.#capacity() > 0) void this.#claimAll();
  }

  /** What we have claimed and do not know of is given back before the next claim. */
  doubt(): void {
    this.#isInDoubt = true;
    this.wake();
  }

  stop(): void {
    this.#isStopped = true;
    this.#retry.stop();
  }

  #capacity(): number {
    return this.#isStopped || this.#retry.isWaiting ? 0 : this.#deps.capacity();
  }

  async #claimAll(): Promise<void> {
    const { onError, onIdle } = this.#deps;
    this.#isClaiming = true;
    try {
      let mayHaveMore = true;
      while (mayHaveMore) {
        const wasFull = await this.#claim(this.#capacity());
        // Asked only here, in one step with the end of claiming: a wake-up in between would be seen by nobody.
        mayHaveMore = this.#takeWakeUp() || wasFull;
      }
    } catch (error) {
      this.#isInDoubt = true;
      this.#retry.failed();
      onError(error);
    } finally {
      this.#isClaiming = false;
    }
    onIdle();
  }

  #takeWakeUp(): boolean {
    const woken = this.#wokenWhileClaiming;
    this.#wokenWhileClaiming = false;
    return woken;
  }

  /** @returns whether it gave as much as it could */
  async #claim(limit: number): Promise<boolean> {
    if (limit === 0) return false;
    const { queue, runner, storage, clock, names, held, onClaimed, onReclaimed } = this.#deps;
    if (this.#isInDoubt) {
      this.#isInDoubt = false;
      onReclaimed(await storage.reclaim({ runner, queue, keep: held(), now: clock.now() }));
    }
    const jobs = await storage.claim({ queue, names: names(), limit, runner, now: this.#now() });
    this.#retry.succeeded();
    onClaimed(jobs);
    return jobs.length === limit;
  }

  /** When the wall clock was set back, jobs that were due before are due later. */
  #now(): number {
    const now = this.#deps.clock.now();
    if (now < this.#latestNow) this.#deps.onClockBack();
    this.#latestNow = now;
    return now;
  }
}
