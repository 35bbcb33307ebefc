/** Whole rows cross between the main thread and the storage's: every field of a job, of a transition and of a claim. */

import { expect, it } from "vitest";
import type { ClaimedJob } from "../../../src/job/job-record.js";
import type { Call } from "../../../src/storage/sqlite/calls.js";
import { packAnswer, packArgs, unpackAnswer, unpackCall } from "../../../src/storage/sqlite/wire.js";
import { ending, failure, newJob, NOW } from "../../../src/testing/storage-suite/sample-jobs.js";

const unlike = { unique: { key: "k", until: "started" as const }, meta: { a: "b" }, timeoutMs: 5, depth: 2, priority: -1, payload: Uint8Array.of(1, 2) };

function claimed(overrides: Partial<ClaimedJob> = {}): ClaimedJob {
  return {
    ...newJob(),
    ...{ state: "running", attempt: 1, fence: 1, runner: "r", startedAt: NOW, finishedAt: null, failure: null, result: null },
    ...{ resultMoved: false, cancelRequested: false, progress: null },
    ...overrides,
  };
}

function received(call: Call): Call {
  return unpackCall(structuredClone({ ...call, args: packArgs(call.verb, call.args as never) } as Call));
}

it("jobs that are enqueued", () => {
  const jobs = [newJob(), newJob(unlike)];
  expect(received({ id: 1, verb: "enqueue", args: [jobs, NOW] }).args).toEqual([jobs, NOW]);
});

it("ends of runs", () => {
  const transitions = [ending(claimed()), ending(claimed(), { to: "dead", failure: failure("no"), result: Uint8Array.of(3), resultMoved: true, progress: 0.5, at: NOW + 1 })];
  expect(received({ id: 1, verb: "complete", args: [transitions] }).args).toEqual([transitions]);
});

it("jobs that are claimed", () => {
  const jobs = [claimed(), claimed({ ...unlike, failure: failure("no"), result: Uint8Array.of(3), progress: 0.5, finishedAt: NOW, cancelRequested: true, resultMoved: true })];
  const request = { queue: "q", names: ["n"], limit: 2, runner: "r", now: NOW };
  const answer = packAnswer({ id: 1, verb: "claim", args: [request] }, { id: 1, value: jobs });
  expect(unpackAnswer("claim", [request], structuredClone((answer as { readonly value: unknown }).value))).toEqual(jobs);
});
