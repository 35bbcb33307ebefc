/**
 * The pool contract: the threads of one queue, as the dispatcher sees them. Two implementations pass one suite: threads and
 * inline. A pool decides nothing about jobs; it carries them to where they run and says how they ended.
 */

import type { LogLine } from "../job/job-context.js";
import type { ClaimedJob, JobId } from "../job/job-record.js";
import type { Outcome } from "../job/lifecycle.js";
import type { StopReason } from "../protocol/control-block.js";
import type { RunIdentity } from "../protocol/messages.js";
import type { WireError } from "../protocol/wire-error.js";

/** One thread that is ready for jobs. */
export interface Lane {
  /** Which of the pool's threads this is, from 0. A replacement has the number of the one it replaces, which may live on for a while if it was retired. */
  readonly thread: number;
  /** The jobs it can run. */
  readonly names: readonly string[];
  /** How many more jobs it can hold. */
  readonly room: number;
  /** Sends one frame. At most `room` jobs; none of them is on the lane already. */
  send(jobs: readonly ClaimedJob[]): void;
  /** Receives the answers that are there and were not told of yet. */
  collect(): void;
  /** Takes back those of the jobs that have not started, and says which: they will not run and are not answered. */
  takeBack(ids: readonly JobId[]): readonly JobId[];
  /** Asks a job to stop. Whether and when it does is up to the job. */
  askToStop(id: JobId, reason: StopReason): void;
  /** The thread has noticed that this job is to stop. */
  heardStop(id: JobId): boolean;
  /** On the monotonic clock; `null` if the job has not started or is not here. */
  startedAt(id: JobId): number | null;
  /** The last progress the job told, if any. */
  progress(id: JobId): number | null;
  /**
   * No job will be sent to it any more, but what it has goes on: another is started in its place, at once unless too many are
   * retired already. It is still to be ended, and is not replaced again then.
   */
  retire(): void;
  /** Ends the thread in an orderly way, with the state's `dispose`; by force if that takes too long. Nothing may run on it. `gone` follows. */
  end(): void;
  /** Ends the thread, whatever it does, and says where it was stuck if it no longer listened. `gone` follows. */
  kill(): void;
}

export interface JobAnswer {
  readonly id: JobId;
  readonly outcome: Outcome;
  readonly tookMs: number;
  readonly progress: number | null;
}

export interface ProgressStep {
  readonly id: JobId;
  readonly fraction: number;
  readonly detail: string | null;
}

/** `ended` and `killed`: as it was told to. `exited`: by itself. `memory`: it broke the limit of its heap. */
export type DeathCause = "ended" | "killed" | "exited" | "memory";

/** How a lane ended. */
export interface Death {
  readonly cause: DeathCause;
  /** `null` if unknown. */
  readonly exitCode: number | null;
  /** What brought it down, if anything was thrown. */
  readonly error: Error | null;
  /** Jobs that were running. */
  readonly started: readonly JobId[];
  /** Jobs that were not: queued, or done without an answer. */
  readonly unstarted: readonly JobId[];
  /**
   * Whose code ended the thread, or held it when it was killed. That run may be over. `nobody`: code of no job, such as a
   * timer of the state; `null`: unknown.
   */
  readonly culprit: RunIdentity | "nobody" | null;
  /** It no longer listened: some code held the thread. */
  readonly wasDeaf: boolean;
  /** The stack of the code that held it, if it could be read. */
  readonly stuckAt: string | null;
  /** In bytes: the limit that was broken, and what the heap held when it was last measured. */
  readonly heap: { readonly limit: number | null; readonly used: number | null } | null;
}

/** An error of a thread that no run has caught. */
export interface StrayError {
  /** Whose code it comes from: of a job that runs still, or has ended; `null` if of none. */
  readonly run: RunIdentity | null;
  readonly error: WireError;
}

export interface PoolListener {
  /** The lane takes jobs from now on. */
  ready(lane: Lane): void;
  /** Exactly one per job that was sent and neither taken back nor lost with its lane. */
  answered(lane: Lane, answer: JobAnswer): void;
  progressed(lane: Lane, step: ProgressStep): void;
  logged(lane: Lane, id: JobId, line: LogLine): void;
  /** The lane lives on, but nobody knows in which state. */
  strayed(lane: Lane, stray: StrayError): void;
  /** After a garbage collection its heap still holds more than it may. */
  heapHigh(lane: Lane): void;
  /** The lane is no more. All its answers came before. */
  gone(lane: Lane, death: Death): void;
  /** A thread whose lane is gone is still held by native code, which nothing can interrupt. */
  leaked(thread: number): void;
  /** A thread could not be made ready. The pool tries again by itself, later. */
  bootFailed(error: Error): void;
}

export interface Pool {
  /** How many lanes it is to have, not counting those that are retired. */
  readonly threads: number;
  /** How many jobs a lane may run at once. */
  readonly concurrency: number;
  /** Threads that are held by native code and could not be ended. */
  readonly leaked: number;
  /** Resolves when one lane is ready. Rejects when a thread fails before; the pool still keeps trying, until `stop`. */
  start(listener: PoolListener): Promise<void>;
  /** Ends every lane: in an orderly way if it is idle, else by force. Always resolves. */
  stop(): Promise<void>;
  /** From now on an idle pool does not keep the process alive. */
  unref(): void;
}
