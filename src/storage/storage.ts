/**
 * The storage contract: where jobs live. A store moves rows and decides nothing; what the next state is, is computed by
 * `job/lifecycle.ts`. Every verb is async; those that every job goes through take many rows at once. Every write to a running
 * job names its fence. Times are ms since the epoch, given by the caller, so that a store needs no clock. The suite in
 * `millrace/testing` holds a store to this.
 */

import type { ClaimedJob, JobId, JobRow, JobState, NewJob } from "../job/job-record.js";
import type { Transition } from "../job/lifecycle.js";

export interface StorageSupports {
  /** What was acknowledged survives the process. */
  readonly durable: boolean;
  /** Several processes may work on the same jobs. */
  readonly multiProcess: boolean;
  /** `subscribe` reports changes made by others. */
  readonly notifications: boolean;
  /** Keeps the attachments of a job, as long as nobody has sent them to a thread. */
  readonly transfer: boolean;
}

export interface Enqueued {
  /** Of the new job, or of the unfinished one that holds the unique key. */
  readonly id: JobId;
  readonly duplicate: boolean;
}

/** How many jobs of one queue may wait for a run: be `waiting`, `scheduled` or `retrying`. */
export interface QueueLimit {
  /** A job is stored only while fewer than so many wait. */
  readonly maxQueued: number;
  /** None of the call is stored unless, when it begins, there is room for so many; 1: each as long as there is room. */
  readonly room: number;
}

/** By queue; one that is not named has none. */
export type QueueLimits = ReadonlyMap<string, QueueLimit>;

export interface ClaimRequest {
  readonly queue: string;
  /** Only jobs of these names. */
  readonly names: readonly string[];
  readonly limit: number;
  readonly runner: string;
  readonly now: number;
}

/** `cancelling`: it runs, and its row now says that somebody wants it cancelled. */
export type CancelResult = "cancelled" | "cancelling" | "finished" | "unknown";

/**
 * `retry`: a finished, scheduled or retrying job is due at once, its attempts start again, its old result is gone.
 * `remove`: the row is deleted, unless it runs.
 */
export interface ChangeRequest {
  readonly action: "retry" | "remove";
  readonly id: JobId;
  readonly now: number;
}

/** `running`: not while it runs. `duplicate`: another unfinished job holds its unique key. `lost`: its attachments are gone. */
export type ChangeResult = "changed" | "running" | "duplicate" | "lost" | "unknown";

/** A job that is enqueued again and again. */
export interface Schedule {
  readonly name: string;
  readonly everyMs: number;
  /** When the next tick is due. */
  readonly nextAt: number;
  /** What every tick enqueues, apart from its id and times. */
  readonly template: Omit<NewJob, "id" | "runAt" | "createdAt" | "attachments" | "depth">;
}

/** One tick of a schedule: enqueue `job` and move `nextAt` on, but only if `nextAt` still is `dueAt`. */
export interface TickRequest {
  readonly name: string;
  readonly dueAt: number;
  readonly nextAt: number;
  readonly job: NewJob;
  /** Of the job's queue. */
  readonly limit?: QueueLimit;
}

/** How long finished jobs of one queue are kept. */
export interface Retention {
  readonly completed: { readonly ageMs: number; readonly count: number };
  readonly dead: { readonly ageMs: number; readonly count: number };
  /** Payloads and results of all finished jobs of the queue together. */
  readonly bytes: number;
}

export interface PruneRequest {
  /** The same for every queue. */
  readonly retention: Retention;
  readonly limit: number;
  readonly now: number;
}

export interface PruneResult {
  /** How many were deleted. */
  readonly pruned: number;
  /** When, from `now`, the next job will be past its age; 0 if there are more already, `null` if there is none. */
  readonly nextInMs: number | null;
}

export interface ListQuery {
  readonly state?: JobState;
  readonly queue?: string;
  readonly name?: string;
  /** Only jobs whose id sorts after this one. */
  readonly after?: JobId;
  readonly limit: number;
  readonly now: number;
}

export interface JobCount {
  readonly queue: string;
  readonly name: string;
  readonly state: JobState;
  readonly count: number;
}

/** Since the store was made; never falls. */
export interface QueueTotals {
  readonly enqueued: number;
  readonly completed: number;
  readonly dead: number;
  readonly cancelled: number;
}

export interface StorageCounts {
  /** Rows with a count of zero are left out. */
  readonly jobs: readonly JobCount[];
  readonly totals: Readonly<Record<string, QueueTotals>>;
}

/** Hints, so that nobody must poll. They may be lost or doubled without harm. */
export type StorageChange =
  | { readonly kind: "ready"; readonly queues: readonly string[] }
  /** These have finished, or were removed unfinished. */
  | { readonly kind: "finished"; readonly ids: readonly JobId[] }
  | { readonly kind: "cancelling"; readonly ids: readonly JobId[] }
  | { readonly kind: "settings" }
  /** Something may have happened that was not told, and never will be: whoever waits for anything looks again. */
  | { readonly kind: "missed" };

/**
 * Nobody writes to the bytes of a payload or a result, or transfers their buffer: stores and callers share them. They may be a
 * part of a larger buffer, so that whoever keeps them, or posts them to a thread, copies them.
 */
export interface JobWriter {
  /**
   * All or none, but for jobs that a limit keeps out: those are `full`, and are not stored. An id that is already stored is
   * acknowledged and changes nothing, so that a doubtful write can be repeated. It is never `full`, nor is a duplicate. Only
   * this verb and `tick` know limits: what comes back after a run, or by `change`, always does.
   */
  enqueue(jobs: readonly NewJob[], now: number, limits?: QueueLimits): Promise<readonly (Enqueued | "full")[]>;
  /** The first due jobs by priority, then `runAt`, then order of enqueue. None while the queue is paused, or another runner owns the store. */
  claim(request: ClaimRequest): Promise<readonly ClaimedJob[]>;
  /** Applies each transition whose job runs under its fence, and says which it applied. */
  complete(transitions: readonly Transition[]): Promise<readonly boolean[]>;
  cancel(ids: readonly JobId[], now: number): Promise<readonly CancelResult[]>;
  change(request: ChangeRequest): Promise<ChangeResult>;
  /**
   * Deletes finished jobs past their retention, oldest first, at most `limit`. Where other engines may await them, what has finished lately
   * may stay, and does not count for the weight of the others.
   */
  prune(request: PruneRequest): Promise<PruneResult>;
}

/** One claim of a job: its id alone could mean a later one. */
export type Claim = Pick<JobRow, "id" | "fence">;

export interface ReclaimRequest {
  readonly runner: string;
  /** `null`: all. */
  readonly queue: string | null;
  /** What `runner` still runs. */
  readonly keep: readonly Claim[];
  readonly now: number;
}

/** Who runs the jobs. A store for one process has one owner at a time. */
export interface Ownership {
  /**
   * Makes `runner` the owner. Rejects while another one is.
   *
   * @returns the jobs that this has ended: while one of them ran with nothing beside it, its process died once more. Told once: when the
   * answer is lost, nobody tells
   */
  own(runner: string): Promise<readonly JobRow[]>;
  /** Ends the ownership of `runner`, if it has it. */
  disown(runner: string): Promise<void>;
  /**
   * Gives back, uncharged, every running job of the queue but those whose claim is one of `runner` and in `keep`: the jobs of
   * runners that are not alive, and those of a claim whose answer got lost. None while another runner owns the store.
   */
  reclaim(request: ReclaimRequest): Promise<readonly JobRow[]>;
}

export interface SettingsStore {
  pause(queue: string, paused: boolean): Promise<void>;
  /** Stores a schedule in place of one of the same name. If that has the same `everyMs`, its `nextAt` stays: it may just have ticked. */
  saveSchedule(schedule: Schedule): Promise<void>;
  removeSchedule(name: string): Promise<boolean>;
  /**
   * `skipped`: the job's unique key is held, so `nextAt` moved on and nothing was enqueued. `full`: the same, because of the
   * limit. `lost`: somebody else ticked.
   */
  tick(request: TickRequest): Promise<"ticked" | "skipped" | "full" | "lost">;
  settings(): Promise<{ readonly paused: readonly string[]; readonly schedules: readonly Schedule[] }>;
}

export interface JobReader {
  /** In the order of `ids`; `undefined` for an unknown one. */
  get(ids: readonly JobId[], now: number): Promise<readonly (JobRow | undefined)[]>;
  /** In order of id. `next` is what to give as `after` for the rest, `null` if there is none. */
  list(query: ListQuery): Promise<{ readonly jobs: readonly JobRow[]; readonly next: JobId | null }>;
  count(now: number): Promise<StorageCounts>;
  /** When, from `now`, the next job that is not yet due will be; `null` if there is none. */
  nextDueIn(now: number): Promise<number | null>;
}

export interface Storage extends JobWriter, Ownership, SettingsStore, JobReader {
  /** For messages. */
  readonly name: string;
  readonly supports: StorageSupports;
  /** Before anything else. Several engines of one process may share a store: each opens and closes it. */
  open(): Promise<void>;
  close(): Promise<void>;
  /** Only where `supports.notifications`. Returns what ends the subscription. */
  subscribe?(listener: (change: StorageChange) => void): () => void;
}
