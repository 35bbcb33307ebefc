/** The verbs that move jobs. Each is called in a transaction, and after `Due` was told the time. */

import { type ClaimedJob, type FinishedState, isFinished, type JobId, type JobRow, type JobState, type NewJob } from "../../job/job-record.js";
import type { Transition } from "../../job/lifecycle.js";
import type { CancelResult, ChangeRequest, ChangeResult, ClaimRequest, Enqueued, QueueLimits, ReclaimRequest } from "../storage.js";
import type { Around } from "./around.js";
import type { SqlRow, SqlTuple } from "./driver.js";
import { type JobStatements, jobStatements } from "./job-statements.js";
import { newValues, number, runAtOf, seqOf, text, textOrNull, toJobRow, toJson } from "./row.js";

/** What must be known of a job to move it. */
interface Moved {
  readonly seq: number;
  readonly id: JobId;
  readonly queue: string;
  readonly name: string;
  readonly state: JobState;
}

/** A job that runs. */
type Claimed = Pick<Moved, "seq" | "queue" | "name"> & { readonly payloadBytes: number };

function toMoved(row: SqlRow): Moved {
  return { seq: number(row["seq"]), id: text(row["id"]), queue: text(row["queue"]), name: text(row["name"]), state: text(row["state"]) as JobState };
}

export class Jobs {
  readonly #around: Around;
  readonly #sql: JobStatements;
  /** What was claimed here, so that its end need not be looked up. It may have gone another way meanwhile. */
  readonly #running = new Map<JobId, Claimed>();

  constructor(around: Around) {
    this.#around = around;
    this.#sql = jobStatements(around.database);
  }

  enqueue(jobs: readonly NewJob[], limits: QueueLimits | undefined): (Enqueued | "full")[] {
    const free = new Map<string, number>();
    for (const [queue, { maxQueued, room }] of limits ?? []) {
      const places = maxQueued - this.#around.tally.pending(queue);
      free.set(queue, places < room ? 0 : places);
    }
    return jobs.map((job) => this.#insert(job, free));
  }

  #insert(job: NewJob, freePlaces: Map<string, number>): Enqueued | "full" {
    const { tally, due, changes } = this.#around;
    const { id, queue, name, unique } = job;
    const free = freePlaces.get(queue);
    // The rows have to be asked for before, if something else than storing can be the answer.
    if (free !== undefined || unique !== null) {
      if (this.#sql.exists.get(id) !== undefined) return { id, duplicate: false };
      const holder = unique === null ? undefined : this.#sql.holder.get(name, unique.key);
      if (holder !== undefined) return { id: text(holder["id"]), duplicate: true };
      if (free !== undefined && free < 1) return "full";
      if (free !== undefined) freePlaces.set(queue, free - 1);
    }
    const isDue = due.isDue(job.runAt);
    if (this.#sql.insert.run(...newValues(job, isDue)).changes === 0) return { id, duplicate: false };
    tally.move(job, { from: null, to: isDue ? "waiting" : "scheduled" });
    tally.note(job, "enqueued");
    changes.ready(queue);
    return { id, duplicate: false };
  }

  /** That of one job, which is ready. */
  claimOne(seq: number, { runner, now }: ClaimRequest): ClaimedJob[] {
    const job = this.#sql.job.get(seq);
    if (job === undefined || this.#putOff([job], now)) return [];
    this.#sql.claim.run(runner, now, seq);
    return [this.#claimed(job, { runner, now })];
  }

  claim(request: ClaimRequest): ClaimedJob[] {
    if (request.limit < 1) return [];
    const { queue, runner, now } = request;
    const names = this.#namesReady(request);
    let jobs = this.#ready(names, request);
    while (this.#putOff(jobs, now)) jobs = this.#ready(names, request);
    const [name] = names;
    // The first of one name are the first in the index: one statement takes half the time of one for each.
    if (names.length === 1) this.#sql.claimFirst.run(runner, now, queue, name ?? "", jobs.length);
    else for (const job of jobs) this.#sql.claim.run(runner, now, seqOf(job));
    return jobs.map((job) => this.#claimed(job, request));
  }

  /**
   * Those that are not due have to wait again, lest they run too early: another process has made them ready, by a clock that was set back
   * since, or by a look at it that was later than this one.
   *
   * @returns whether there were any
   */
  #putOff(jobs: readonly SqlTuple[], now: number): boolean {
    const early = jobs.filter((job) => runAtOf(job) > now);
    for (const tuple of early) {
      const job = toJobRow(tuple);
      this.#sql.putOff.run(seqOf(tuple));
      if (job.state === "waiting") this.#around.tally.move(job, { from: "waiting", to: "scheduled" });
      // Whoever waits for the next one that is due asks when that is.
      this.#around.changes.ready(job.queue);
    }
    return early.length > 0;
  }

  /** Those of the names that jobs have which may be due. */
  #namesReady({ queue, names }: ClaimRequest): readonly string[] {
    const waiting = this.#around.tally.namesWaiting(queue);
    return names.filter((name, index) => waiting.has(name) && names.indexOf(name) === index);
  }

  /** A queue is asked by name, so that jobs nobody here can run do not stand in the way. */
  #ready(names: readonly string[], { queue, limit }: ClaimRequest): readonly SqlTuple[] {
    if (names.length === 1) return this.#sql.ready.all(queue, names[0] ?? "", limit);
    // Looked at by their order alone, since most of them will not be taken.
    const found = names.flatMap((name) => this.#sql.readyOrder.all(queue, name, limit));
    return found.sort(isClaimedFirst).slice(0, limit).map(([, , seq]) => this.#sql.job.get(seq ?? null) ?? []);
  }

  /** What the row has become is reckoned here: giving it back takes SQLite as long as all the rest. */
  #claimed(tuple: SqlTuple, { runner, now }: Pick<ClaimRequest, "runner" | "now">): ClaimedJob {
    const job = toJobRow(tuple);
    const { id, queue, name, payload } = job;
    this.#running.set(id, { seq: seqOf(tuple), queue, name, payloadBytes: payload.byteLength });
    this.#around.tally.move(job, { from: job.state, to: "running" });
    return { ...job, state: "running", fence: job.fence + 1, attempt: job.attempt + 1, runner, startedAt: now, cancelRequested: false };
  }

  complete(transition: Transition): boolean {
    const { tally, due } = this.#around;
    const { id, fence, to, attempt, runAt, result, progress, at } = transition;
    const failure = transition.failure === null ? null : toJson(transition.failure);
    const resultMoved = transition.resultMoved ? 1 : 0;
    if (isFinished(to)) {
      const claimed = this.#running.get(id) ?? this.#lookUp(id);
      if (claimed === undefined) return false;
      this.#running.delete(id);
      const bytes = claimed.payloadBytes + (result?.byteLength ?? 0);
      if (this.#sql.finish.run(to, attempt, runAt, failure, result, resultMoved, progress, at, bytes, claimed.seq, id, fence).changes === 0) return false;
      this.#finished({ id, state: "running", ...claimed }, { from: "running", to, bytes });
      return true;
    }
    this.#running.delete(id);
    const isDue = due.isDue(runAt);
    const state = to === "retrying" ? to : isDue ? "waiting" : "scheduled";
    // One that was given back did not show that it can run.
    const deathsStay = to === "waiting" ? 1 : 0;
    const row = this.#sql.putBack.get(state, isDue ? 1 : 0, attempt, runAt, failure, result, resultMoved, progress, deathsStay, id, fence);
    if (row === undefined) return false;
    tally.move(toMoved(row), { from: "running", to: state });
    this.#waitsAgain(row, to === "waiting");
    return true;
  }

  /** What was claimed may not have been. */
  forget(): void {
    this.#running.clear();
  }

  /** Of a job that another thread or process has claimed. */
  #lookUp(id: JobId): Claimed | undefined {
    const row = this.#sql.weigh.get(id);
    if (row === undefined) return undefined;
    const { seq, queue, name } = toMoved(row);
    return { seq, queue, name, payloadBytes: number(row["payload_bytes"]) };
  }

  cancel(id: JobId, now: number): CancelResult {
    const row = this.#sql.find.get(id);
    if (row === undefined) return "unknown";
    const job = toMoved(row);
    if (isFinished(job.state)) return "finished";
    if (job.state === "running") {
      this.#sql.wishToCancel.run(job.seq);
      this.#around.changes.cancelling(id);
      return "cancelling";
    }
    const bytes = number(this.#sql.cancel.get(now, job.seq)?.["bytes"]);
    this.#finished(job, { from: job.state, to: "cancelled", bytes });
    return "cancelled";
  }

  change({ action, id, now }: ChangeRequest): ChangeResult {
    const row = this.#sql.find.get(id);
    if (row === undefined) return "unknown";
    const job = toMoved(row);
    if (job.state === "running") return "running";
    if (action === "retry") return this.#retry(row, now);
    // Who awaits a finished job knows of it already.
    if (!isFinished(job.state)) this.#around.changes.finished(id);
    this.remove(job, number(row["bytes"]));
    return "changed";
  }

  #retry(row: SqlRow, now: number): ChangeResult {
    const { tally, due } = this.#around;
    const job = toMoved(row);
    const wasFinished = isFinished(job.state);
    const key = textOrNull(row["unique_key"]);
    if (wasFinished && key !== null && this.#sql.holder.get(job.name, key) !== undefined) return "duplicate";
    // Who is due already keeps his place.
    const runAt = wasFinished ? now : Math.min(number(row["run_at"]), now);
    const isDue = due.isDue(runAt);
    const state = isDue ? "waiting" : "scheduled";
    if (wasFinished) tally.note(job, "finished_bytes", -number(row["bytes"]));
    this.#sql.retry.run(state, isDue ? 1 : 0, runAt, job.seq);
    tally.move(job, { from: job.state, to: state });
    this.#waitsAgain(row, true);
    return "changed";
  }

  /** Deletes a row. @param bytes of a finished job */
  remove({ seq, queue, name, state }: Omit<Moved, "id">, bytes: number): void {
    this.#sql.remove.run(seq);
    this.#around.tally.move({ queue, name }, { from: state, to: null });
    if (isFinished(state)) this.#around.tally.note({ queue, name }, "finished_bytes", -bytes);
  }

  /** In order of enqueue, so that the first of two gets back a key that both want. A wish to cancel stays on record. */
  reclaim({ runner, queue, keep }: ReclaimRequest): JobRow[] {
    const kept = new Set(keep.map(({ id, fence }) => `${id} ${fence}`));
    const rows = queue === null ? this.#sql.running.all() : this.#sql.runningOf.all(queue);
    const orphans = rows.filter((row) => textOrNull(row["runner"]) !== runner || !kept.has(`${text(row["id"])} ${number(row["fence"])}`));
    return orphans.map((row) => {
      const job = toMoved(row);
      const isDue = this.#around.due.isDue(number(row["run_at"]));
      const state = isDue ? "waiting" : "scheduled";
      this.#running.delete(job.id);
      this.#sql.reclaim.run(state, isDue ? 1 : 0, job.seq);
      this.#around.tally.move(job, { from: "running", to: state });
      this.#waitsAgain(row, true);
      return toJobRow(this.#sql.job.get(job.seq) ?? []);
    });
  }

  /** Those that run and are to be cancelled. */
  cancelling(): readonly JobId[] {
    return this.#sql.cancelling.all().map((row) => text(row["id"]));
  }

  #waitsAgain(row: SqlRow, countsAsNeverStarted: boolean): void {
    const key = textOrNull(row["unique_key"]);
    const name = text(row["name"]);
    if (countsAsNeverStarted && key !== null && this.#sql.holder.get(name, key) === undefined) this.#sql.holdKey.run(number(row["seq"]));
    this.#around.changes.ready(text(row["queue"]));
  }

  #finished({ id, queue, name }: Moved, { from, to, bytes }: { readonly from: JobState; readonly to: FinishedState; readonly bytes: number }): void {
    const { tally, changes } = this.#around;
    const place = { queue, name };
    tally.move(place, { from, to });
    tally.note(place, to);
    tally.note(place, "finished_bytes", bytes);
    changes.finished(id);
  }
}

/** `readyOrder` gives tuples of what jobs are ordered by. */
const ORDER_COLUMNS = 3;

function isClaimedFirst(a: SqlTuple, b: SqlTuple): number {
  for (let column = 0; column < ORDER_COLUMNS; column += 1) {
    const difference = number(a[column]) - number(b[column]);
    if (difference !== 0) return difference;
  }
  return 0;
}
