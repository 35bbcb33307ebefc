/** A job as a row of the table, and the ways in and out. */

import { isEmptyMeta, type Failure, type JobRow, type JobState, type NewJob } from "../../job/job-record.js";
import type { Backoff } from "../../job/backoff.js";
import type { SqlRow, SqlValue } from "./driver.js";
import { asItWas } from "./text.js";

const NO_ATTACHMENTS: readonly ArrayBuffer[] = Object.freeze([]);

/** What a job enters the table with, in this order. */
export const NEW_COLUMNS =
  "id, queue, name, state, ready, priority, run_at, max_retries, created_at, timeout_ms, depth, unique_key, unique_until, holds_key, backoff, meta, payload";

export function newValues(job: NewJob, isDue: boolean): readonly SqlValue[] {
  const { unique } = job;
  return [
    ...[job.id, job.queue, job.name, isDue ? "waiting" : "scheduled", isDue ? 1 : 0, job.priority, job.runAt],
    ...[job.maxRetries === Infinity ? null : job.maxRetries, job.createdAt, job.timeoutMs],
    ...[job.depth, unique?.key ?? null, unique?.until ?? null, unique === null ? null : 1],
    ...[job.backoff === null ? null : toJson(job.backoff), isEmptyMeta(job.meta) ? null : toJson(job.meta), job.payload],
  ];
}

export function toJobRow(row: SqlRow): JobRow {
  const key = textOrNull(row["unique_key"]);
  return {
    id: text(row["id"]),
    name: text(row["name"]),
    queue: text(row["queue"]),
    payload: row["payload"] as Uint8Array,
    attachments: NO_ATTACHMENTS,
    priority: number(row["priority"]),
    maxRetries: numberOrNull(row["max_retries"]) ?? Infinity,
    backoff: backoffs.get(row["backoff"]) as Backoff | null,
    timeoutMs: numberOrNull(row["timeout_ms"]),
    depth: number(row["depth"]),
    runAt: number(row["run_at"]),
    createdAt: number(row["created_at"]),
    unique: key === null ? null : { key, until: row["unique_until"] === "started" ? "started" : "finished" },
    meta: (fromJson(row["meta"]) ?? {}) as JobRow["meta"],
    state: text(row["state"]) as JobState,
    attempt: number(row["attempt"]),
    fence: number(row["fence"]),
    runner: textOrNull(row["runner"]),
    startedAt: numberOrNull(row["started_at"]),
    finishedAt: numberOrNull(row["finished_at"]),
    failure: fromJson(row["failure"]) as Failure | null,
    result: (row["result"] ?? null) as Uint8Array | null,
    resultMoved: row["result_moved"] === 1,
    cancelRequested: row["cancel_requested"] === 1,
    progress: numberOrNull(row["progress"]),
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

/** What neighbours in a table mostly have in common is parsed once. */
class LastParsed {
  #json: SqlValue | undefined = null;
  #value: unknown = null;

  get(json: SqlValue | undefined): unknown {
    if (json !== this.#json) {
      this.#value = fromJson(json);
      this.#json = json;
    }
    return this.#value;
  }
}

const backoffs: LastParsed = new LastParsed();

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
