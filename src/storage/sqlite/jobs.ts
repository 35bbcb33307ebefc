/** The verbs that move jobs. Each is called in a transaction, and after `Due` was told the time. */

import { type ClaimedJob, type FinishedState, isFinished, type JobId, type JobRow, type JobState, type NewJob } from "../../job/job-record.js";
import type { Transition } from "../../job/lifecycle.js";
import type { CancelResult, ChangeRequest, ChangeResult, ClaimRequest, Enqueued, QueueLimits, ReclaimRequest } from "../storage.js";
import type { Around } from "./around.js";
import type { Database, SqlRow, SqlTuple, Statement } from "./driver.js";
import { JOB_COLUMNS, NEW_COLUMNS, newValues, number, runAtOf, seqOf, text, textOrNull, toJobRow, toJson } from "./row.js";

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

const MOVED = "seq, id, queue, name, state, run_at, unique_key, bytes";

function toMoved(row: SqlRow): Moved {
  return { seq: number(row["seq"]), id: text(row["id"]), queue: text(row["queue"]), name: text(row["name"]), state: text(row["state"]) as JobState };
}

export class Jobs {
  readonly #around: Around;
  readonly #sql: ReturnType<typeof statements>;
  /** What was claimed here, so that its end need not be looked up. It may have gone another way meanwhile. */
  readonly #claimed = new Map<JobId, Claimed>();

  constructor(around: Around) {
    this.#around = around;
    this.#sql = statements(around.database);
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
    tally.note(queue, "enqueued");
    changes.ready(queue);
    return { id, duplicate: false };
  }

  /** That of one job, which is ready. */
  claimOne(seq: number, { runner, now }: ClaimRequest): ClaimedJob[] {
    const job = this.#sql.job.get(seq);
    return job === undefined || this.#putOff([job], now) ? [] : [this.#claim(job, { runner, now })];
  }

  claim(request: ClaimRequest): ClaimedJob[] {
    if (request.limit < 1) return [];
    const { runner, now } = request;
    let jobs = this.#ready(request);
    while (this.#putOff(jobs, now)) jobs = this.#ready(request);
    return jobs.map((job) => this.#claim(job, { runner, now }));
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

  /** A queue whose jobs have few names is asked by name, so that jobs nobody here can run do not stand in the way. */
  #ready({ queue, names, limit }: ClaimRequest): readonly SqlTuple[] {
    const waiting = this.#around.tally.namesWaiting(queue);
    const found = names.filter((name, index) => waiting.has(name) && names.indexOf(name) === index);
    return found.length === 1 ? this.#sql.ready.all(queue, found[0] ?? "", limit) : this.#firstOf(found, { queue, limit });
  }

  /** Looked at by their order alone, since most of them will not be taken. */
  #firstOf(names: readonly string[], { queue, limit }: Pick<ClaimRequest, "queue" | "limit">): readonly SqlTuple[] {
    const found = names.flatMap((name) => this.#sql.readyOrder.all(queue, name, limit));
    return found.sort(isClaimedFirst).slice(0, limit).map(([, , seq]) => this.#sql.job.get(seq ?? null) ?? []);
  }

  /** It is written what the row becomes, and reckoned here: giving it back takes SQLite as long as all the rest. */
  #claim(tuple: SqlTuple, { runner, now }: Pick<ClaimRequest, "runner" | "now">): ClaimedJob {
    const job = toJobRow(tuple);
    const { id, queue, name, payload } = job;
    const seq = seqOf(tuple);
    this.#sql.claim.run(runner, now, seq);
    this.#claimed.set(id, { seq, queue, name, payloadBytes: payload.byteLength });
    this.#around.tally.move(job, { from: job.state, to: "running" });
    return { ...job, state: "running", fence: job.fence + 1, attempt: job.attempt + 1, runner, startedAt: now, cancelRequested: false };
  }

  complete(transition: Transition): boolean {
    const { tally, due } = this.#around;
    const { id, fence, to, attempt, runAt, result, progress, at } = transition;
    const failure = transition.failure === null ? null : toJson(transition.failure);
    const resultMoved = transition.resultMoved ? 1 : 0;
    if (isFinished(to)) {
      const claimed = this.#claimed.get(id) ?? this.#lookUp(id);
      if (claimed === undefined) return false;
      this.#claimed.delete(id);
      const bytes = claimed.payloadBytes + (result?.byteLength ?? 0);
      if (this.#sql.finish.run(to, attempt, runAt, failure, result, resultMoved, progress, at, bytes, claimed.seq, id, fence).changes === 0) return false;
      this.#finished({ id, state: "running", ...claimed }, { from: "running", to, bytes });
      return true;
    }
    this.#claimed.delete(id);
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
    this.#claimed.clear();
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
    if (wasFinished) tally.note(job.queue, "finished_bytes", -number(row["bytes"]));
    this.#sql.retry.run(state, isDue ? 1 : 0, runAt, job.seq);
    tally.move(job, { from: job.state, to: state });
    this.#waitsAgain(row, true);
    return "changed";
  }

  /** Deletes a row. @param bytes of a finished job */
  remove({ seq, queue, name, state }: Omit<Moved, "id">, bytes: number): void {
    this.#sql.remove.run(seq);
    this.#around.tally.move({ queue, name }, { from: state, to: null });
    if (isFinished(state)) this.#around.tally.note(queue, "finished_bytes", -bytes);
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
      this.#claimed.delete(job.id);
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
    tally.move({ queue, name }, { from, to });
    tally.note(queue, to);
    tally.note(queue, "finished_bytes", bytes);
    changes.finished(id);
  }
}

function isClaimedFirst(a: SqlTuple, b: SqlTuple): number {
  for (let column = 0; column < ORDER_COLUMNS; column += 1) {
    const difference = number(a[column]) - number(b[column]);
    if (difference !== 0) return difference;
  }
  return 0;
}

const ORDER = "priority, run_at, seq";
const ORDER_COLUMNS = 3;
const READY = `FROM jobs WHERE ready = 1 AND queue = ? AND name = ? ORDER BY ${ORDER} LIMIT ?`;
const ENDED = "attempt = ?, run_at = ?, failure = ?, result = ?, result_moved = ?, progress = ?, runner = NULL, alone = NULL";

function statements(database: Database) {
  const prepare = (sql: string): Statement => database.prepare(sql);
  const places = NEW_COLUMNS.replaceAll(/\w+/g, "?");
  return {
    exists: prepare("SELECT 1 FROM jobs WHERE id = ?"),
    find: prepare(`SELECT ${MOVED} FROM jobs WHERE id = ?`),
    job: database.prepareTuples(`SELECT ${JOB_COLUMNS} FROM jobs WHERE seq = ?`),
    holder: prepare("SELECT id FROM jobs WHERE name = ? AND unique_key = ? AND holds_key = 1"),
    holdKey: prepare("UPDATE jobs SET holds_key = 1 WHERE seq = ?"),
    insert: prepare(`INSERT INTO jobs (${NEW_COLUMNS}) VALUES (${places}) ON CONFLICT (id) DO NOTHING`),
    ready: database.prepareTuples(`SELECT ${JOB_COLUMNS} ${READY}`),
    readyOrder: database.prepareTuples(`SELECT ${ORDER} ${READY}`),
    putOff: prepare("UPDATE jobs SET ready = 0, state = CASE state WHEN 'waiting' THEN 'scheduled' ELSE state END WHERE seq = ?"),
    claim: prepare(
      `UPDATE jobs SET state = 'running', ready = NULL, fence = fence + 1, attempt = attempt + 1, runner = ?, started_at = ?, cancel_requested = 0,
       holds_key = CASE unique_until WHEN 'started' THEN NULL ELSE holds_key END WHERE seq = ?`,
    ),
    finish: prepare(`UPDATE jobs SET state = ?, ${ENDED}, finished_at = ?, bytes = ?, holds_key = NULL, deaths = 0 WHERE seq = ? AND id = ? AND fence = ? AND state = 'running'`),
    weigh: prepare(`SELECT ${MOVED}, length(payload) AS payload_bytes FROM jobs WHERE id = ?`),
    putBack: prepare(`UPDATE jobs SET state = ?, ready = ?, ${ENDED}, started_at = NULL, deaths = deaths * ? WHERE id = ? AND fence = ? AND state = 'running' RETURNING ${MOVED}`),
    wishToCancel: prepare("UPDATE jobs SET cancel_requested = 1 WHERE seq = ?"),
    cancel: prepare(`UPDATE jobs SET state = 'cancelled', ready = NULL, finished_at = ?, holds_key = NULL, deaths = 0, bytes = length(payload) + coalesce(length(result), 0) WHERE seq = ? RETURNING bytes`),
    retry: prepare(
      `UPDATE jobs SET state = ?, ready = ?, run_at = ?, attempt = 0, started_at = NULL, finished_at = NULL, failure = NULL, result = NULL,
       result_moved = 0, cancel_requested = 0, progress = NULL, bytes = 0, deaths = 0 WHERE seq = ?`,
    ),
    remove: prepare("DELETE FROM jobs WHERE seq = ?"),
    // With a plus, lest SQLite walk through all jobs to have them in order.
    running: prepare(`SELECT ${MOVED}, runner, fence FROM jobs WHERE state = 'running' ORDER BY +seq`),
    runningOf: prepare(`SELECT ${MOVED}, runner, fence FROM jobs WHERE state = 'running' AND queue = ? ORDER BY +seq`),
    cancelling: prepare("SELECT id FROM jobs WHERE state = 'running' AND cancel_requested = 1"),
    reclaim: prepare("UPDATE jobs SET state = ?, ready = ?, attempt = attempt - 1, runner = NULL, started_at = NULL, alone = NULL WHERE seq = ?"),
  };
}
