import { type ClaimedJob, type FinishedState, isFinished, JOB_STATES, type JobId, type JobRow, type NewJob } from "../../job/job-record.js";
import type { Transition } from "../../job/lifecycle.js";
import { unpacker } from "../../job/packed-bytes.js";
import type {
  CancelResult,
  ChangeRequest,
  ChangeResult,
  ClaimRequest,
  Enqueued,
  JobCount,
  ListQuery,
  PruneRequest,
  PruneResult,
  QueueLimits,
  QueueTotals,
  ReclaimRequest,
  StorageCounts,
} from "../storage.js";
import type { ChangeFeed } from "./change-feed.js";
import { Bag } from "./bag.js";
import { FinishedLog } from "./finished-log.js";
import { IdOrder } from "./id-order.js";
import { type PendingState, QueueIndex } from "./queue-index.js";
import { attachmentsLost, bytesOf, copyOf, empty, endedRun, firstRun, NEVER_RUN, nextRun, since, storedRow, type StoredRow } from "./row.js";
import { UniqueIndex } from "./unique-index.js";

/** The rows, moved between the states as the verbs of the contract say. It keeps the indexes in step. */
export class JobTable {
  readonly #rows = new Map<JobId, StoredRow>();
  readonly #ids = new IdOrder();
  readonly #index = new QueueIndex();
  readonly #running = new Bag<StoredRow>();
  readonly #finished = new FinishedLog();
  readonly #unique = new UniqueIndex();
  readonly #totals = new Map<string, Record<keyof QueueTotals, number>>();
  readonly #feed: ChangeFeed;
  #sequence = 0;

  constructor(feed: ChangeFeed) {
    this.#feed = feed;
  }

  /** Every other verb sees the jobs as of this time. */
  advance(now: number): void {
    this.#index.advance(now);
  }

  enqueue(jobs: readonly NewJob[], limits: QueueLimits | undefined): (Enqueued | "full")[] {
    // All rows are made before the first is stored: what is wrong with one of them shows here.
    const rows = jobs.map((job) => storedRow(job, this.#index.line(job), this.#sequence++));
    const free = limits === undefined ? undefined : this.#freePlaces(limits);
    return rows.map((row) => this.#insert(row, free));
  }

  #freePlaces(limits: QueueLimits): Map<string, number> {
    return new Map(
      [...limits].map(([queue, { maxQueued, room }]) => {
        const free = maxQueued - this.#index.pending(queue);
        return [queue, free < room ? 0 : free];
      }),
    );
  }

  #insert(row: StoredRow, freePlaces: Map<string, number> | undefined): Enqueued | "full" {
    if (this.#rows.has(row.id)) return { id: row.id, duplicate: false };
    const holder = this.#unique.holder(row);
    if (holder !== undefined) return { id: holder.id, duplicate: true };
    const free = freePlaces?.get(row.line.queue);
    if (free !== undefined) {
      if (free < 1) return "full";
      freePlaces?.set(row.line.queue, free - 1);
    }
    this.#rows.set(row.id, row);
    this.#ids.add(row);
    this.#index.add(row);
    this.#count(row, "enqueued");
    this.#giveBack(row, "waiting");
    return { id: row.id, duplicate: false };
  }

  claim(request: ClaimRequest): ClaimedJob[] {
    const { runner, now } = request;
    const first = firstRun(runner, now);
    const rows = this.#index.take(request);
    const unpack = unpacker(rows.map(({ payload }) => payload));
    return rows.map((row) => {
      this.#index.setState(row, "running");
      row.fence += 1;
      row.attempt += 1;
      row.run = row.run === NEVER_RUN ? first : nextRun(row, runner, now);
      this.#running.add(row);
      if (row.terms.unique?.until === "started") this.#unique.release(row);
      // Its state, runner and start were set just now.
      return copyOf(row, unpack(row.payload)) as ClaimedJob;
    });
  }

  complete(transition: Transition): boolean {
    const row = this.#rows.get(transition.id);
    if (row?.state !== "running" || row.fence !== transition.fence) return false;
    const { to, attempt, runAt } = transition;
    this.#running.delete(row);
    row.attempt = attempt;
    row.dueAt = since(row.line.epoch, runAt);
    row.run = endedRun(row, transition);
    if (isFinished(to)) this.#finish(row, to);
    else this.#giveBack(row, to);
    return true;
  }

  cancel(id: JobId, now: number): CancelResult {
    const row = this.#rows.get(id);
    if (row === undefined) return "unknown";
    if (isFinished(row.state)) return "finished";
    if (row.state === "running") {
      row.run = { ...row.run, cancelRequested: true };
      this.#feed.cancelling(id);
      return "cancelling";
    }
    this.#index.unfile(row);
    row.run = { ...row.run, finishedAt: now, bytes: bytesOf(row, row.run.result) };
    this.#finish(row, "cancelled");
    return "cancelled";
  }

  change(request: ChangeRequest): ChangeResult {
    const row = this.#rows.get(request.id);
    if (row === undefined) return "unknown";
    if (row.state === "running") return "running";
    if (request.action === "retry") return this.#retry(row, request.now);
    // Who awaits a finished job knows of it already.
    if (!isFinished(row.state)) this.#feed.finished(row.id);
    this.#remove(row);
    return "changed";
  }

  #retry(row: StoredRow, now: number): ChangeResult {
    if (attachmentsLost(row)) return "lost";
    const wasFinished = isFinished(row.state);
    if (wasFinished && !this.#unique.isFreeFor(row)) return "duplicate";
    this.#takeOut(row);
    // Who is due already keeps his place.
    const dueNow = since(row.line.epoch, now);
    row.dueAt = wasFinished ? dueNow : Math.min(row.dueAt, dueNow);
    row.attempt = 0;
    row.run = NEVER_RUN;
    this.#giveBack(row, "waiting");
    return "changed";
  }

  #remove(row: StoredRow): void {
    this.#takeOut(row);
    this.#forget(row);
  }

  /** A row that is in no place any more. */
  #forget(row: StoredRow): void {
    this.#unique.release(row);
    this.#index.drop(row);
    this.#rows.delete(row.id);
    empty(row);
    this.#ids.noteRemoval();
  }

  /** @param unreadMs what has finished within so many ms stays in any case: somebody else may not have read it yet */
  prune(request: PruneRequest, unreadMs: number): PruneResult {
    const victims = this.#finished.takeVictims(request, unreadMs);
    for (const row of victims) this.#forget(row);
    const nextAt = this.#finished.nextVictimAt(request, unreadMs);
    return { pruned: victims.length, nextInMs: nextAt === null ? null : Math.max(nextAt - request.now, 0) };
  }

  /** In order of enqueue, so that the first of two gets back a key that both want. A wish to cancel stays on record. */
  reclaim(request: ReclaimRequest): JobRow[] {
    const keep = new Set(request.keep.map(({ id, fence }) => `${id} ${fence}`));
    const orphans = this.#running.items.filter((row) => {
      const isKept = row.run.runner === request.runner && keep.has(`${row.id} ${row.fence}`);
      return !isKept && (request.queue === null || request.queue === row.line.queue);
    });
    orphans.sort((a, b) => a.sequence - b.sequence);
    return orphans.map((row) => {
      this.#running.delete(row);
      row.attempt -= 1;
      row.run = { ...row.run, runner: null, startedAt: null };
      this.#giveBack(row, "waiting");
      return copyOf(row);
    });
  }

  get(id: JobId): JobRow | undefined {
    const row = this.#rows.get(id);
    return row === undefined ? undefined : copyOf(row);
  }

  list(query: ListQuery): { readonly jobs: readonly JobRow[]; readonly next: JobId | null } {
    const { after, limit, state, queue, name } = query;
    // One more than asked for tells whether there is a next page.
    const found = this.#ids.find({
      after,
      limit: limit + 1,
      matches: (row) =>
        (state === undefined || row.state === state) &&
        (queue === undefined || row.line.queue === queue) &&
        (name === undefined || row.line.name === name),
    });
    const jobs = found.slice(0, limit).map((row) => copyOf(row));
    return { jobs, next: found.length > limit ? (jobs.at(-1)?.id ?? null) : null };
  }

  counts(): StorageCounts {
    const jobs: JobCount[] = [];
    for (const { queue, name, counts } of this.#index.lines()) {
      for (const state of JOB_STATES) {
        if (counts[state] > 0) jobs.push({ queue, name, state, count: counts[state] });
      }
    }
    return { jobs, totals: Object.fromEntries([...this.#totals].map(([queue, totals]) => [queue, { ...totals }])) };
  }

  nextDueAt(): number | null {
    return this.#index.nextDueAt();
  }

  /** Puts a row that is in no index where it waits for its next run. One that counts as never started holds its key again. */
  #giveBack(row: StoredRow, as: PendingState): void {
    if (as === "waiting") this.#unique.takeIfFree(row);
    this.#index.file(row, as);
    this.#feed.ready(row.line.queue);
  }

  #finish(row: StoredRow, state: FinishedState): void {
    this.#index.setState(row, state);
    this.#finished.add(row, state);
    this.#unique.release(row);
    this.#count(row, state);
    this.#feed.finished(row.id);
  }

  #takeOut(row: StoredRow): void {
    if (isFinished(row.state)) this.#finished.delete(row, row.state);
    else this.#index.unfile(row);
  }

  #count(row: StoredRow, event: keyof QueueTotals): void {
    const { queue } = row.line;
    let totals = this.#totals.get(queue);
    if (totals === undefined) this.#totals.set(queue, (totals = { enqueued: 0, completed: 0, dead: 0, cancelled: 0 }));
    totals[event] += 1;
  }
}
