/**
 * The pool contract: the threads of one queue, as the dispatcher sees them. Two implementations pass one suite: threads and
 * inline. A pool decides nothing about jobs; it carries them to where they run and says how they ended.
 */

import type { ClaimedJob, JobId } from "../job/job-record.js";
import type { Outcome } from "../job/lifecycle.js";
import type { StopReason } from "../protocol/control-block.js";
import type { LogLine } from "../protocol/messages.js";

/** One thread that is ready for jobs. */
export interface Lane {
  /** Which of the pool's threads this is, from 0. A replacement has the number of the one it replaces. */
  readonly thread: number;
  /** The jobs it can run. */
  readonly names: readonly string[];
  /** How many more jobs it can hold. */
  readonly room: number;
  /** Sends one frame. At most `room` jobs; none of them is on the lane already. */
  send(jobs: readonly ClaimedJob[]): void;
  /** Takes back those of the jobs that have not started, and says which: they will not run and are not answered. */
  takeBack(ids: readonly JobId[]): readonly JobId[];
  /** Asks a job to stop. Whether and when it does is up to the job. */
  askToStop(id: JobId, reason: StopReason): void;
  /** On the monotonic clock; `null` if the job has not started or is not here. */
  startedAt(id: JobId): number | null;
  /** The last progress the job told, if any. */
  progress(id: JobId): number | null;
  /** Ends the thread, whatever it does. `gone` follows. */
  kill(): void;
}

export interface JobAnswer {
  readonly id: JobId;
  readonly outcome: Outcome;
  readonly tookMs: number;
  readonly progress: number | null;
}

/** How a lane ended that was not told to. */
export interface Death {
  /** `null` if unknown. */
  readonly exitCode: number | null;
  /** What brought it down, if anything was thrown. */
  readonly error: Error | null;
  /** Jobs that were running. */
  readonly started: readonly JobId[];
  /** Jobs that were not: queued, or done without an answer. */
  readonly unstarted: readonly JobId[];
}

export interface PoolListener {
  /** The lane takes jobs from now on. */
  ready(lane: Lane): void;
  /** Exactly one per job that was sent and neither taken back nor lost with its lane. */
  answered(lane: Lane, answer: JobAnswer): void;
  progressed(id: JobId, fraction: number, detail: string | null): void;
  logged(id: JobId, line: LogLine): void;
  /** The lane is no more. All its answers came before. */
  gone(lane: Lane, death: Death): void;
  /** A thread could not be made ready. The pool tries again by itself, later. */
  bootFailed(error: Error): void;
}

export interface Pool {
  /** How many lanes it is to have. */
  readonly threads: number;
  /** How many jobs a lane may run at once. */
  readonly concurrency: number;
  /** Resolves when one lane is ready. Rejects when a thread fails before; the pool still keeps trying, until `stop`. */
  start(listener: PoolListener): Promise<void>;
  /** Ends every lane: in an orderly way if it is idle, else by force. Always resolves. */
  stop(): Promise<void>;
  /** From now on an idle pool does not keep the process alive. */
  unref(): void;
}
