import type { ClaimedJob } from "../../src/job/job-record.js";
import type { Outcome } from "../../src/job/lifecycle.js";
import { newJob, NOW } from "../../src/testing/storage-suite/sample-jobs.js";

/** A job that was claimed for the first time. */
export function claimed(overrides: Partial<ClaimedJob> = {}): ClaimedJob {
  return {
    ...newJob(),
    ...{ state: "running", attempt: 1, fence: 1, runner: "runner", startedAt: NOW, finishedAt: null },
    ...{ failure: null, result: null, resultMoved: false, cancelRequested: false, progress: null },
    ...overrides,
  };
}

export function ok(bytes: readonly number[] = [1], attachments: readonly ArrayBuffer[] = []): Outcome {
  return { kind: "ok", result: { bytes: new Uint8Array(bytes), attachments } };
}

export function failed(overrides: Partial<Extract<Outcome, { kind: "failed" }>> = {}): Extract<Outcome, { kind: "failed" }> {
  const error = { name: "Error", message: "failed", stack: null, code: null };
  return { kind: "failed", failure: { reason: "threw", error, exitCode: null }, fatal: false, retryDelayMs: null, ...overrides };
}
