/** What the next state of a job is. Pure: no clock, no storage; every room that ends a run asks here. */

import type { Encoded } from "./payload.js";
import { DEFAULT_BACKOFF, retryDelayMs } from "./backoff.js";
import type { WireError } from "../protocol/wire-error.js";
import { later } from "./duration.js";
import type { ClaimedJob, Failure, JobId, JobState } from "./job-record.js";

/** How a run ended. */
export type Outcome =
  | { readonly kind: "ok"; readonly result: Encoded }
  | {
      readonly kind: "failed";
      readonly failure: Failure;
      /** A retry cannot help. */
      readonly fatal: boolean;
      /** What the definition's own backoff function said, if it has one. */
      readonly retryDelayMs: number | null;
    }
  /** It stopped because it was asked to. */
  | { readonly kind: "cancelled" }
  | { readonly kind: "snoozed"; readonly delayMs: number }
  /** The thread knows no job of this name. */
  | { readonly kind: "unregistered" }
  /** It did not run, or was interrupted through no fault of its own. */
  | { readonly kind: "unexecuted" };

const KINDS: ReadonlySet<unknown> = new Set<Outcome["kind"]>(["ok", "failed", "cancelled", "snoozed", "unregistered", "unexecuted"]);

/** What comes from a thread may be anything: its code can bend whatever it likes. */
export function isOutcome(value: unknown): value is Outcome {
  return typeof value === "object" && value !== null && KINDS.has((value as Partial<Outcome>).kind);
}

/** A computed change of state. A store applies it if the job still runs under this fence. */
export interface Transition {
  readonly id: JobId;
  readonly fence: number;
  readonly to: Exclude<JobState, "running">;
  readonly attempt: number;
  readonly runAt: number;
  readonly failure: Failure | null;
  readonly result: Uint8Array | null;
  readonly resultMoved: boolean;
  readonly progress: number | null;
  /** When it was decided: the `finishedAt` of a finished job. */
  readonly at: number;
}

/** What a decision may depend on, beside the job and its outcome. */
export interface Circumstances {
  readonly now: number;
  /** In [0, 1). */
  readonly random: number;
  readonly cancelRequested: boolean;
  readonly progress: number | null;
}

export function nextTransition(job: ClaimedJob, outcome: Outcome, circumstances: Circumstances): Transition {
  if (outcome.kind === "ok") return completed(job, outcome.result, circumstances);
  const { now, cancelRequested } = circumstances;
  const unchanged = unchangedBy(job, circumstances);
  switch (outcome.kind) {
    case "cancelled":
      return { ...unchanged, to: "cancelled" };
    case "snoozed":
      if (cancelRequested) return { ...unchanged, to: "cancelled" };
      // Its attachments went to the thread that snoozed it.
      if (job.attachments.length > 0) return lost(job, unchanged);
      return { ...unchanged, to: "scheduled", attempt: job.attempt - 1, runAt: later(now, outcome.delayMs) };
    case "unregistered":
    case "unexecuted":
      if (cancelRequested) return { ...unchanged, to: "cancelled", attempt: job.attempt - 1 };
      return { ...unchanged, to: "waiting", attempt: job.attempt - 1 };
    case "failed":
      return afterFailure({ job, outcome, circumstances, unchanged });
  }
}

type Unchanged = Omit<Transition, "to">;

function unchangedBy({ id, fence, attempt, runAt, failure }: ClaimedJob, { now, progress }: Circumstances): Unchanged {
  return { id, fence, attempt, runAt, failure, result: null, resultMoved: false, progress, at: now };
}

/** Written out: it is how nearly every run ends. */
function completed({ id, fence, attempt, runAt, failure }: ClaimedJob, result: Encoded, { now, progress }: Circumstances): Transition {
  const resultMoved = result.attachments.length > 0;
  return { id, fence, to: "completed", attempt, runAt, failure, result: resultMoved ? null : result.bytes, resultMoved, progress, at: now };
}

function afterFailure(input: {
  readonly job: ClaimedJob;
  readonly outcome: Extract<Outcome, { kind: "failed" }>;
  readonly circumstances: Circumstances;
  readonly unchanged: Unchanged;
}): Transition {
  const { job, outcome, circumstances, unchanged } = input;
  const { now, random, cancelRequested } = circumstances;
  const failed = { ...unchanged, failure: outcome.failure };
  // Whatever it threw, it is not run again: somebody asked for it to stop.
  if (cancelRequested) return { ...failed, to: "cancelled" };
  if (outcome.fatal || job.attempt > job.maxRetries) return { ...failed, to: "dead" };
  if (job.attachments.length > 0) return lost(job, failed);
  const delayMs = outcome.retryDelayMs ?? retryDelayMs(job.backoff ?? DEFAULT_BACKOFF, job.attempt, random);
  return { ...failed, to: "retrying", runAt: later(now, delayMs) };
}

function lost(job: ClaimedJob, unchanged: Unchanged): Transition {
  return { ...unchanged, attempt: job.attempt, to: "dead", failure: payloadLost(unchanged.failure) };
}

const FATAL: ReadonlySet<unknown> = new Set(["MILLRACE_UNRECOVERABLE", "MILLRACE_MAX_DEPTH"]);

/** Whether the next run would end the same way. */
export function isFatal({ code }: WireError): boolean {
  return FATAL.has(code);
}

/** In flight when so many processes died in a row, a job is under suspicion: it runs alone, so that the next death tells whose fault it is. */
export const SUSPICIOUS_DEATHS = 2;

/** Of a job that was alone when the process died once more. */
export function crashLooped(deaths: number): Failure {
  const message = `the process died ${deaths} times in a row while the job ran, and the last time nothing else did`;
  return { reason: "crash_loop", error: { name: "CrashLoopError", message, stack: null, code: "MILLRACE_CRASH_LOOP" }, exitCode: null };
}

/** @param last of the failed runs of the job, if there was one */
export function payloadLost(last: Failure | null): Failure {
  const error = {
    name: "PayloadLostError",
    message: "the payload was transferred to a thread and does not exist any more, so the job cannot run again",
    stack: null,
    code: "MILLRACE_PAYLOAD_LOST",
    ...(last === null ? {} : { cause: last.error }),
  };
  return { reason: "lost", error, exitCode: null };
}
