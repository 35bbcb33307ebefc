/** A job as a row of the table, and the ways in and out. */

import { isEmptyMeta, type Failure, type JobRow, type JobState, type NewJob } from "../../job/job-record.js";
import type { Backoff } from "../../job/backoff.js";
import type { SqlTuple, SqlValue } from "./driver.js";
import { asItWas } from "./text.js";

const NO_ATTACHMENTS: readonly ArrayBuffer[] = Object.freeze([]);
const NO_META: NewJob["meta"] = Object.freeze({});

/** What a job enters the table with, in this order. */
export const NEW_COLUMNS =
  "id, queue, name, state, ready, priority, run_at, max_retries, created_at, timeout_ms, depth, unique_key, unique_until, holds_key, backoff, meta, payload";

export function newValues(job: NewJob, isDue: boolean): readonly SqlValue[] {
  const { unique } = job;
  return [
    job.id,
    job.queue,
    job.name,
    isDue ? "waiting" : "scheduled",
    isDue ? 1 : 0,
    job.priority,
    job.runAt,
    job.maxRetries === Infinity ? null : job.maxRetries,
    job.createdAt,
    job.timeoutMs,
    job.depth,
    unique?.key ?? null,
    unique?.until ?? null,
    unique === null ? null : 1,
    job.backoff === null ? null : fromBackoff(job.backoff),
    isEmptyMeta(job.meta) ? null : toJson(job.meta),
    job.payload,
  ];
}

/** All of a job, in the order that `toJobRow` takes. */
export const JOB_COLUMNS =
  "seq, run_at, id, name, queue, payload, priority, max_retries, backoff, timeout_ms, depth, created_at, unique_key, unique_until, meta, state, attempt, fence, runner, started_at, finished_at, failure, result, result_moved, cancel_requested, progress";

export function seqOf([seq]: SqlTuple): number {
  return number(seq);
}

export function runAtOf([, runAt]: SqlTuple): number {
  return number(runAt);
}

/** By position, since a claim reads a thousand of them. */
export function toJobRow(tuple: SqlTuple): JobRow {
  const [, runAt, id, name, queue, payload, priority, maxRetries, backoff, timeoutMs, depth, createdAt, key, until, meta, ...state] = tuple;
  const [currentState, attempt, fence, runner, startedAt, finishedAt, failure, result, resultMoved, cancelRequested, progress] = state;
  return {
    id: text(id),
    name: text(name),
    queue: text(queue),
    payload: payload as Uint8Array,
    attachments: NO_ATTACHMENTS,
    priority: number(priority),
    maxRetries: numberOrNull(maxRetries) ?? Infinity,
    backoff: toBackoff(backoff) as Backoff | null,
    timeoutMs: numberOrNull(timeoutMs),
    depth: number(depth),
    runAt: number(runAt),
    createdAt: number(createdAt),
    unique: key === null ? null : { key: text(key), until: until === "started" ? "started" : "finished" },
    meta: (fromJson(meta) ?? NO_META) as JobRow["meta"],
    state: text(currentState) as JobState,
    attempt: number(attempt),
    fence: number(fence),
    runner: textOrNull(runner),
    startedAt: numberOrNull(startedAt),
    finishedAt: numberOrNull(finishedAt),
    failure: fromJson(failure) as Failure | null,
    result: (result ?? null) as Uint8Array | null,
    resultMoved: resultMoved === 1,
    cancelRequested: cancelRequested === 1,
    progress: numberOrNull(progress),
  };
}

/** JSON has no `Infinity`, and writes null for it. */
const UNLIMITED: ReadonlySet<string> = new Set(["maxRetries", "maxDelayMs"]);

export function toJson(value: object): string {
  return JSON.stringify(value);
}

export function fromJson(json: SqlValue | undefined): unknown {
  if (typeof json !== "string") return null;
  return JSON.parse(json, (key, value: unknown) => (value === null && UNLIMITED.has(key) ? Infinity : value));
}

/** What neighbours mostly have in common is worked out once. */
function remembering<From, To>(work: (from: From) => To): (from: From) => To {
  let last: { readonly from: From; readonly to: To } | undefined;
  return (from) => {
    if (last === undefined || last.from !== from) last = { from, to: work(from) };
    return last.to;
  };
}

const toBackoff: (json: SqlValue | undefined) => unknown = remembering(fromJson);
const fromBackoff: (backoff: Backoff) => string = remembering(toJson);

export function text(value: SqlValue | undefined): string {
  return typeof value === "string" ? asItWas(value) : "";
}

export function textOrNull(value: SqlValue | undefined): string | null {
  return typeof value === "string" ? asItWas(value) : null;
}

export function number(value: SqlValue | undefined): number {
  return typeof value === "number" ? value : 0;
}

export function numberOrNull(value: SqlValue | undefined): number | null {
  return typeof value === "number" ? value : null;
}
