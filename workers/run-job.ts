/** Runs one job and says how it ended. Never throws and never rejects, whatever the job does. */

import type { Job } from "../src/job/define-job.js";
import type { Failure } from "../src/job/job-record.js";
import { issuesError } from "../src/job/job-request.js";
import { isFatal, type Outcome } from "../src/job/lifecycle.js";
import { decode, encode } from "../src/job/payload.js";
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
}

export async function runJob(request: RunRequest): Promise<Outcome> {
  const { frameJob, job, context } = request;
  let payload: unknown;
  try {
    payload = decode({ bytes: frameJob.payload, attachments: frameJob.attachments });
    payload = await parsePayload(job, payload);
  } catch (error) {
    // Damaged, or the schema changed: running it again would find the same.
    return { kind: "failed", failure: toFailure(error, "invalid"), fatal: true, retryDelayMs: null };
  }
  try {
    const returned = await job.run(payload as never, context as never);
    const { value, buffers } = isTransferred(returned) ? returned : { value: returned, buffers: [] };
    return { kind: "ok", result: encode(value, { root: "result", maxBytes: request.maxResult, transfer: buffers }) };
  } catch (error) {
    return toOutcome(error, request);
  }
}

/** The output of the schema, where there is one. */
async function parsePayload(job: Job, payload: unknown): Promise<unknown> {
  if (job.schema === undefined) return payload;
  const parsed = await job.schema["~standard"].validate(payload);
  if (parsed.issues === undefined) return parsed.value;
  throw issuesError(job.name, parsed.issues);
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
