/** The read side: rows as users see them. */

import { type ErrorInfo, toErrorInfo } from "../events.js";
import type { JobId, JobRow, JobState } from "../job/job-record.js";
import type { QueueTotals } from "../storage/storage.js";

/** A job as it is now. Times are ms since the epoch, or `null` if they have not come. */
export interface JobInfo {
  readonly id: JobId;
  readonly name: string;
  readonly queue: string;
  readonly state: JobState;
  /** Charged and current runs; 0 before the first. */
  readonly attempt: number;
  readonly maxRetries: number;
  readonly priority: number;
  readonly meta: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly runAt: number;
  /** Of the last run. */
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** From 0 to 1; `null` if the job told none. */
  readonly progress: number | null;
  /** Of the last failed run. */
  readonly error: ErrorInfo | null;
}

export interface ListOptions {
  readonly state?: JobState;
  readonly queue?: string;
  readonly name?: string;
  /** At most so many; default 100; more than 1000 counts as 1000. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: JobId;
}

export interface JobPage {
  readonly jobs: readonly JobInfo[];
  /** What to give as `after` for the next page; `null` on the last. */
  readonly next: JobId | null;
}

/** A queue in numbers. Finished states count what is kept; `totals` all since the store was made. */
export interface QueueStats extends Readonly<Record<JobState, number>> {
  /** Threads that are ready, not counting those that only end what they have begun. */
  readonly threads: number;
  readonly paused: boolean;
  /** `false` while threads cannot be started. */
  readonly healthy: boolean;
  /** Why not; `null` while they can. */
  readonly problem: string | null;
  /** Threads that are held by native code, which nothing can interrupt. They were replaced, and take up a core each until it ends. */
  readonly leakedThreads: number;
  readonly totals: QueueTotals;
}

export interface EngineStats {
  readonly queues: Readonly<Record<string, QueueStats>>;
}

/** @param progress of the current run, if it told one */
export function toJobInfo(row: JobRow, progress: number | null): JobInfo {
  const { id, name, queue, state, attempt, maxRetries, priority, meta, createdAt, runAt, startedAt, finishedAt } = row;
  const error = row.failure === null ? null : toErrorInfo(row.failure.error);
  return {
    ...{ id, name, queue, state, attempt, maxRetries, priority, meta },
    ...{ createdAt, runAt, startedAt, finishedAt, error },
    progress: progress ?? row.progress,
  };
}
