/** A job as it lies in memory, and the ways in and out: nothing inside is ever shared with a caller who could change it. */

import { type Failure, isEmptyMeta, isFinished, type JobRow, type JobState, type NewJob, type UniqueKey } from "../../job/job-record.js";
import type { Backoff } from "../../job/backoff.js";
import type { Transition } from "../../job/lifecycle.js";
import { isDetached } from "../../job/payload-kinds.js";
import type { Heaped } from "./heap.js";
import { packBytes, type PackedBytes, sizeOf, unpackBytes } from "../../job/packed-bytes.js";
import type { SortedQueue } from "./sorted-queue.js";

/** The jobs of one name in one queue. */
export interface Line {
  readonly queue: string;
  readonly name: string;
  /**
   * The same for all lines of a store: times are kept as what has passed since. V8 keeps such small integers in the row, but puts
   * each larger number into a box of 16 bytes.
   */
  readonly epoch: number;
  /** Shared by all lines of the queue. */
  readonly load: QueueLoad;
  /** Those that are due, in the order in which they are to be claimed. */
  readonly ready: SortedQueue<StoredRow>;
  readonly counts: Record<JobState, number>;
  /** Of the job that came last: the next one is mostly like it. */
  lastTerms: Terms | null;
}

/** What jobs are enqueued with, apart from their payload and times. Jobs that are alike share it, since a store may hold millions. */
export interface Terms {
  readonly priority: number;
  readonly maxRetries: number;
  readonly backoff: Backoff | null;
  readonly timeoutMs: number | null;
  readonly depth: number;
  readonly unique: UniqueKey | null;
  readonly meta: Readonly<Record<string, string>>;
}

export interface QueueLoad {
  /** Jobs that wait for their time or their turn. */
  pending: number;
}

/** What only a run leaves behind. Kept apart and shared by all that never ran, since a store may hold a million of those, and by those that were claimed together. */
export interface LastRun {
  readonly runner: string | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly failure: Failure | null;
  readonly result: PackedBytes | null;
  readonly resultMoved: boolean;
  readonly cancelRequested: boolean;
  readonly progress: number | null;
  /** What a finished job occupies. Noted when it finished, since attachments lose their size when they are sent. */
  readonly bytes: number;
}

export const NEVER_RUN: LastRun = Object.freeze({
  runner: null,
  startedAt: null,
  finishedAt: null,
  failure: null,
  result: null,
  resultMoved: false,
  cancelRequested: false,
  progress: null,
  bytes: 0,
});

export interface StoredRow extends Heaped {
  readonly id: string;
  /** Rises with every job: the order of enqueue. */
  readonly sequence: number;
  readonly line: Line;
  readonly terms: Terms;
  payload: PackedBytes;
  /**
   * Kept after the claim, since a claimed job may come back without ever having been sent: the next claim then hands out
   * the same buffers. Sending detaches them, and that is all that tells a job whose attachments are gone.
   */
  attachments: readonly ArrayBuffer[];
  /** When it is due, since the epoch of its line. */
  dueAt: number;
  /** When it was created, since the epoch of its line. */
  readonly bornAt: number;
  state: JobState;
  attempt: number;
  fence: number;
  run: LastRun;
  /** Deleted, though an index may still have to notice. */
  removed: boolean;
}

const NO_META: Readonly<Record<string, string>> = Object.freeze({});
const NO_ATTACHMENTS: readonly ArrayBuffer[] = Object.freeze([]);

export function storedRow(job: NewJob, line: Line, sequence: number): StoredRow {
  return {
    id: job.id,
    sequence,
    line,
    terms: termsOf(job, line),
    // Long ones are shared with the caller, here and on the way out: nobody writes to a payload, and copies would hold up the
    // main thread.
    payload: packBytes(job.payload),
    attachments: job.attachments.length > 0 ? Object.freeze([...job.attachments]) : NO_ATTACHMENTS,
    dueAt: since(line.epoch, job.runAt),
    bornAt: since(line.epoch, job.createdAt),
    state: "scheduled",
    attempt: 0,
    fence: 0,
    run: NEVER_RUN,
    removed: false,
    heapIndex: -1,
  };
}

/** What has passed since, as a small integer where it is one: else V8 keeps even whole differences of large numbers in boxes. */
export function since(epoch: number, time: number): number {
  const passed = time - epoch;
  const integer = passed | 0;
  return integer === passed ? integer : passed;
}

function termsOf(job: NewJob, line: Line): Terms {
  const last = line.lastTerms;
  const hasMeta = !isEmptyMeta(job.meta);
  const isAlike =
    last !== null &&
    !hasMeta &&
    last.meta === NO_META &&
    job.unique === null &&
    last.unique === null &&
    job.backoff === last.backoff &&
    job.priority === last.priority &&
    job.maxRetries === last.maxRetries &&
    job.timeoutMs === last.timeoutMs &&
    job.depth === last.depth;
  if (isAlike) return last;
  line.lastTerms = {
    priority: job.priority,
    maxRetries: job.maxRetries,
    backoff: job.backoff === null ? null : frozen(job.backoff),
    timeoutMs: job.timeoutMs,
    depth: job.depth,
    unique: job.unique === null ? null : frozen(job.unique),
    meta: hasMeta ? frozen(job.meta) : NO_META,
  };
  return line.lastTerms;
}

/** The first run of any job that is claimed together with others. */
export function firstRun(runner: string, startedAt: number): LastRun {
  return { ...NEVER_RUN, runner, startedAt };
}

/** A run that is not the first. */
export function nextRun({ run }: StoredRow, runner: string, startedAt: number): LastRun {
  return { ...run, runner, startedAt, cancelRequested: false };
}

// Written out, here and below: copying by spreading takes ten times as long.

/** What a run leaves that has ended. */
export function endedRun(row: StoredRow, transition: Transition): LastRun {
  const { result, resultMoved, progress } = transition;
  const { startedAt, finishedAt, cancelRequested, bytes } = row.run;
  const isOver = isFinished(transition.to);
  const packed = result === null ? null : packBytes(result);
  return {
    runner: null,
    startedAt: isOver ? startedAt : null,
    finishedAt: isOver ? transition.at : finishedAt,
    failure: frozenFailure(transition.failure),
    result: packed,
    resultMoved,
    cancelRequested,
    progress,
    bytes: isOver ? bytesOf(row, packed) : bytes,
  };
}

export function copyOf(row: StoredRow, payload: Uint8Array = unpackBytes(row.payload)): JobRow {
  const { line, terms, run } = row;
  return {
    id: row.id,
    name: line.name,
    queue: line.queue,
    payload,
    attachments: row.attachments,
    priority: terms.priority,
    maxRetries: terms.maxRetries,
    backoff: terms.backoff,
    timeoutMs: terms.timeoutMs,
    depth: terms.depth,
    runAt: row.dueAt + line.epoch,
    createdAt: row.bornAt + line.epoch,
    unique: terms.unique,
    meta: terms.meta,
    state: row.state,
    attempt: row.attempt,
    fence: row.fence,
    runner: run.runner,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
    failure: run.failure,
    result: run.result === null ? null : unpackBytes(run.result),
    resultMoved: run.resultMoved,
    cancelRequested: run.cancelRequested,
    progress: run.progress,
  };
}

/** What the payload of a row occupies now, with all that belongs to it, and a result. */
export function bytesOf(row: StoredRow, result: PackedBytes | null): number {
  let bytes = sizeOf(row.payload) + (result === null ? 0 : sizeOf(result));
  for (const { byteLength } of row.attachments) bytes += byteLength;
  return bytes;
}

/** What a row is known by must stay; what weighs much can go at once. */
export function empty(row: StoredRow): void {
  row.removed = true;
  row.payload = "";
  row.attachments = NO_ATTACHMENTS;
  row.run = NEVER_RUN;
}

function frozenFailure(failure: Failure | null): Failure | null {
  return failure === null ? null : Object.freeze({ ...failure, error: frozen(failure.error) });
}

export function attachmentsLost(row: StoredRow): boolean {
  return row.attachments.some(isDetached);
}

function frozen<Value extends object>(value: Value): Readonly<Value> {
  return Object.isFrozen(value) ? value : Object.freeze({ ...value });
}
