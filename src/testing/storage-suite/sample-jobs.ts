/** Jobs, claims and transitions to test a store with. Whatever a test does not care about has a plain value here. */

import assert from "node:assert/strict";
import type { ClaimedJob, Failure, JobId, JobRow, NewJob } from "../../job/job-record.js";
import type { Transition } from "../../job/lifecycle.js";
import type { ClaimRequest, Storage } from "../../storage/storage.js";

export const NOW = 1_700_000_000_000;

let made = 0;

/** Ids come in order. */
export function newJob(overrides: Partial<NewJob> = {}): NewJob {
  made += 1;
  return {
    id: `job-${String(made).padStart(9, "0")}`,
    name: "job",
    queue: "default",
    payload: new Uint8Array([1, 2, 3]),
    attachments: [],
    priority: 0,
    maxRetries: 5,
    backoff: null,
    timeoutMs: null,
    depth: 0,
    runAt: NOW,
    createdAt: NOW,
    unique: null,
    meta: {},
    ...overrides,
  };
}

/** Enqueues a job for each of the overrides, in one batch. */
export async function enqueue(storage: Storage, ...overrides: readonly Partial<NewJob>[]): Promise<readonly JobId[]> {
  const enqueued = await storage.enqueue(overrides.map(newJob), NOW);
  return enqueued.map((answer) => {
    assert.ok(answer !== "full", "without a limit no queue is full");
    return answer.id;
  });
}

export async function enqueueOne(storage: Storage, overrides: Partial<NewJob> = {}): Promise<JobId> {
  const [id] = await enqueue(storage, overrides);
  assert.ok(id !== undefined, "enqueue answers for every job");
  return id;
}

export async function claim(storage: Storage, overrides: Partial<ClaimRequest> = {}): Promise<readonly ClaimedJob[]> {
  return storage.claim({ queue: "default", names: ["job"], limit: 1_000, runner: "runner", now: NOW, ...overrides });
}

export async function claimOne(storage: Storage, overrides: Partial<ClaimRequest> = {}): Promise<ClaimedJob> {
  const [job] = await claim(storage, { limit: 1, ...overrides });
  assert.ok(job !== undefined, "a job can be claimed");
  return job;
}

/** Enqueues a job and claims it; it must be the only one that is due. */
export async function running(storage: Storage, overrides: Partial<NewJob> = {}): Promise<ClaimedJob> {
  const job = newJob(overrides);
  await storage.enqueue([job], NOW);
  return claimOne(storage, { queue: job.queue, names: [job.name] });
}

/** How the run of a claimed job ended: well, unless the overrides say otherwise. */
export function ending(job: ClaimedJob, overrides: Partial<Transition> = {}): Transition {
  return {
    id: job.id,
    fence: job.fence,
    to: "completed",
    attempt: job.attempt,
    runAt: job.runAt,
    failure: job.failure,
    result: null,
    resultMoved: false,
    progress: null,
    at: NOW,
    ...overrides,
  };
}

/** What ends a run that counts as if it had never been. */
export function givingBack(job: ClaimedJob): Transition {
  return ending(job, { to: "waiting", attempt: job.attempt - 1 });
}

/** Ends a run, and insists that the store takes it. */
export async function end(storage: Storage, job: ClaimedJob, overrides: Partial<Transition> = {}): Promise<void> {
  assert.deepEqual(await storage.complete([ending(job, overrides)]), [true]);
}

/** Enqueues a job and brings it to its end; no other job may be due. */
export async function finished(
  storage: Storage,
  { job = {}, end: overrides = {} }: { readonly job?: Partial<NewJob>; readonly end?: Partial<Transition> },
): Promise<JobId> {
  const claimed = await running(storage, job);
  await end(storage, claimed, overrides);
  return claimed.id;
}

export async function rowOf(storage: Storage, id: JobId, now: number = NOW): Promise<JobRow> {
  const [row] = await storage.get([id], now);
  assert.ok(row !== undefined, `job ${id} is stored`);
  return row;
}

export async function allIds(storage: Storage, now: number = NOW): Promise<readonly JobId[]> {
  return idsOf((await storage.list({ limit: 1_000, now })).jobs);
}

export function idsOf(jobs: readonly { readonly id: JobId }[]): readonly JobId[] {
  return jobs.map(({ id }) => id);
}

export function failure(message: string): Failure {
  const error = { name: "Error", message, stack: `Error: ${message}\n    at file.js:1:1`, code: null };
  return { reason: "threw", error, exitCode: null };
}

/** Compares the fields that are expected; bytes by their content, whatever kind of array holds them. */
export function assertRow(row: JobRow, expected: Partial<JobRow>): void {
  const actual = Object.fromEntries(Object.keys(expected).map((key) => [key, comparable(row[key as keyof JobRow])]));
  const wanted = Object.fromEntries(Object.entries(expected).map(([key, value]) => [key, comparable(value)]));
  assert.deepEqual(actual, wanted);
}

function comparable(value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex");
}
