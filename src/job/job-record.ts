/** What a job is, as data: the words every store and every room share. */

import type { WireError } from "../protocol/wire-error.js";
import type { Backoff } from "./backoff.js";

/** Opaque; ids of later jobs sort later. */
export type JobId = string;

/**
 * `scheduled → waiting → running → completed | dead | cancelled`, with `retrying` between a failed run and the next.
 * A `scheduled` job is `waiting` as soon as it is due.
 */
export type JobState = "scheduled" | "waiting" | "running" | "retrying" | "completed" | "dead" | "cancelled";

export const JOB_STATES: readonly JobState[] = ["scheduled", "waiting", "running", "retrying", "completed", "dead", "cancelled"];

/** States that a job leaves only by `retry`. */
export const FINISHED_STATES = ["completed", "dead", "cancelled"] as const;
export type FinishedState = (typeof FINISHED_STATES)[number];

/** For counting. */
export function noJobs(): Record<JobState, number> {
  return { scheduled: 0, waiting: 0, running: 0, retrying: 0, completed: 0, dead: 0, cancelled: 0 };
}

export function isFinished(state: JobState): state is FinishedState {
  return state === "completed" || state === "dead" || state === "cancelled";
}

export interface UniqueKey {
  readonly key: string;
  /** When the key is free again. */
  readonly until: "finished" | "started";
}

/** A job as it enters storage. */
export interface NewJob {
  readonly id: JobId;
  readonly name: string;
  readonly queue: string;
  /** Opaque to all but the thread that runs the job. */
  readonly payload: Uint8Array;
  /** Buffers of the payload that are moved, not copied. Only for stores that support it; gone once they were sent to a thread. */
  readonly attachments: readonly ArrayBuffer[];
  /** Lower first. */
  readonly priority: number;
  /** May be `Infinity`. */
  readonly maxRetries: number;
  /** `null`: the thread computes it, by the definition's own function. */
  readonly backoff: Backoff | null;
  readonly timeoutMs: number | null;
  /** How many jobs enqueued one another before this one: 0 unless a job enqueued it. */
  readonly depth: number;
  /** Wall time in ms. */
  readonly runAt: number;
  readonly createdAt: number;
  readonly unique: UniqueKey | null;
  readonly meta: Readonly<Record<string, string>>;
}

/** Most jobs carry nothing along. Asked of every job, so without making a list of keys. */
export function isEmptyMeta(meta: NewJob["meta"]): boolean {
  for (const _ in meta) return false;
  return true;
}

/** Why a run failed. */
export interface Failure {
  /**
   * `threw`: the job's own error. `invalid`: the payload does not fit the schema. `timeout`: past its deadline.
   * `exit`: it ended its thread. `memory`: it broke the heap limit of its thread. `lost`: a transferred payload went down with
   * its thread. `crash_loop`: again and again the whole process died while it ran.
   */
  readonly reason: "threw" | "invalid" | "timeout" | "exit" | "memory" | "lost" | "crash_loop";
  /** Its stack, where the reason is `timeout`, is that of the line where the run was stuck. */
  readonly error: WireError;
  /** Of the thread, where the reason is `exit`. */
  readonly exitCode: number | null;
}

/** A job as stored. */
export interface JobRow extends NewJob {
  readonly state: JobState;
  /** Charged runs, and the current one. */
  readonly attempt: number;
  /** Rises by one with every claim and never falls. */
  readonly fence: number;
  /** Who holds the claim. */
  readonly runner: string | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** Of the last failed run. */
  readonly failure: Failure | null;
  readonly result: Uint8Array | null;
  /** The result was transferred to whoever awaited it, and is not kept. */
  readonly resultMoved: boolean;
  /** Someone asked to cancel the run. */
  readonly cancelRequested: boolean;
  /** The last progress of the last finished run. */
  readonly progress: number | null;
}

/** A claimed job: a copy of its row, as it was right after the claim. */
export type ClaimedJob = JobRow & { readonly state: "running"; readonly runner: string; readonly startedAt: number };
