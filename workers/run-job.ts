/** Runs one job and says how it ended. Never throws and never rejects, whatever the job does. */

import type { Job } from "../src/job/define-job.js";
import type { Failure } from "../src/job/job-record.js";
import { issuesError } from "../src/job/job-request.js";
import { isFatal, type Outcome } from "../src/job/lifecycle.js";
import { decodeRange, encode } from "../src/job/payload.js";
import { isTransferred } from "../src/job/transfer.js";
import type { FrameJob } from "../src/protocol/messages.js";
import { fromWireError, toWireError } from "../src/protocol/wire-error.js";
import { type RunContext, Snooze } from "./context.js";

export interface RunRequest {
  readonly frameJob: FrameJob;
  readonly job: Job;
  readonly context: RunContext;
  /** In bytes. */
  readonly maxResult: number;
  /** Or else what a job wants to move is copied. */
  readonly movesResults: boolean;
}

/** A promise only if the job, or its schema, needs one: most short jobs do not, and promises cost more than they do. */
export function runJob(request: RunRequest): Outcome | Promise<Outcome> {
  const { frameJob, job } = request;
  let payload: unknown;
  try {
    payload = decodeRange(frameJob.payload, frameJob.attachments);
    if (job.schema !== undefined) {
      const parsed = job.schema["~standard"].validate(payload);
      return isThenable(parsed) ? parsedLater(request, parsed) : runParsed(request, parsed);
    }
  } catch (error) {
    return invalid(error);
  }
  return run(request, payload);
}

type Parsed = Awaited<ReturnType<NonNullable<Job["schema"]>["~standard"]["validate"]>>;

async function parsedLater(request: RunRequest, parsing: PromiseLike<Parsed>): Promise<Outcome> {
  try {
    return await runParsed(request, await parsing);
  } catch (error) {
    return invalid(error);
  }
}

/** With the output of the schema. */
function runParsed(request: RunRequest, parsed: Parsed): Outcome | Promise<Outcome> {
  if (parsed.issues !== undefined) return invalid(issuesError(request.job.name, parsed.issues));
  return run(request, parsed.value);
}

/** Damaged, or the schema changed: running it again would find the same. */
function invalid(error: unknown): Outcome {
  return { kind: "failed", failure: toFailure(error, "invalid"), fatal: true, retryDelayMs: null };
}

function run(request: RunRequest, payload: unknown): Outcome | Promise<Outcome> {
  try {
    const returned: unknown = request.job.run(payload as never, request.context as never);
    return isThenable(returned) ? settled(request, returned) : succeeded(request, returned);
  } catch (error) {
    return toOutcome(error, request);
  }
}

async function settled(request: RunRequest, returned: PromiseLike<unknown>): Promise<Outcome> {
  try {
    return succeeded(request, await returned);
  } catch (error) {
    return toOutcome(error, request);
  }
}

/** @throws PayloadError */
function succeeded({ maxResult, movesResults }: RunRequest, returned: unknown): Outcome {
  const limits = { root: "result", maxBytes: maxResult };
  if (!isTransferred(returned)) return { kind: "ok", result: encode(returned, limits) };
  return { kind: "ok", result: encode(returned.value, movesResults ? { ...limits, transfer: returned.buffers } : limits) };
}

/** Whether awaiting it would give something else. */
function isThenable<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
  return (typeof value === "object" || typeof value === "function") && value !== null && typeof (value as { readonly then?: unknown }).then === "function";
}

function toOutcome(thrown: unknown, { frameJob, job, context }: RunRequest): Outcome {
  if (Snooze.is(thrown)) return { kind: "snoozed", delayMs: thrown.delayMs };
  // Whatever it threw: it was asked to stop, and it stopped. A passed deadline is told apart by the main side.
  if (context.cancelled) return { kind: "cancelled" };
  const failure = toFailure(thrown, "threw");
  return {
    kind: "failed",
    failure,
    fatal: isFatal(failure.error),
    retryDelayMs: frameJob.customBackoff ? askBackoff(job, frameJob.attempt, failure) : null,
  };
}

function toFailure(thrown: unknown, reason: Failure["reason"]): Failure {
  return { reason, error: toWireError(thrown), exitCode: null };
}

/** `null`, which means the default backoff, when the function cannot be called or answers nonsense. */
function askBackoff(job: Job, attempt: number, failure: Failure): number | null {
  try {
    const delayMs: unknown = typeof job.backoff === "function" ? job.backoff(attempt, fromWireError(failure.error)) : null;
    return typeof delayMs === "number" && delayMs >= 0 && delayMs < Infinity ? delayMs : null;
  } catch {
    return null;
  }
}
