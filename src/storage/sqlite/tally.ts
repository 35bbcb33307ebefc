/** How many jobs there are of each kind, kept beside the jobs: with a million of them, counting takes too long. */

import { FINISHED_STATES, type FinishedState, type JobState } from "../../job/job-record.js";
import type { JobCount, QueueTotals, StorageCounts } from "../storage.js";
import type { Database, Statement } from "./driver.js";
import { number, text } from "./row.js";

type Event = keyof QueueTotals;
const EVENTS: readonly Event[] = ["enqueued", "completed", "dead", "cancelled"];

/** Where a job belongs. */
interface Place {
  readonly queue: string;
  readonly name: string;
}

/** `null`: from nowhere, or to nowhere. */
interface Move {
  readonly from: JobState | null;
  readonly to: JobState | null;
  readonly count?: number;
}

export class Tally {
  readonly #changes = new Map<string, Place & { readonly state: JobState; by: number }>();
  readonly #events = new Map<string, { readonly queue: string; readonly event: Event | "finished_bytes"; by: number }>();
  readonly #saveCount: Statement;
  readonly #saveTotal: Readonly<Record<Event | "finished_bytes", Statement>>;
  readonly #counts: Statement;
  readonly #totals: Statement;
  readonly #pending: Statement;
  readonly #names: Statement;
  readonly #queues: Statement;
  readonly #finished: Statement;

  constructor(database: Database) {
    this.#saveCount = database.prepare(
      "INSERT INTO counts (queue, name, state, count) VALUES (?, ?, ?, ?) ON CONFLICT (queue, name, state) DO UPDATE SET count = count + excluded.count",
    );
    const saveTotal = (column: Event | "finished_bytes"): Statement =>
      database.prepare(`INSERT INTO totals (queue, ${column}) VALUES (?, ?) ON CONFLICT (queue) DO UPDATE SET ${column} = ${column} + excluded.${column}`);
    this.#saveTotal = {
      enqueued: saveTotal("enqueued"),
      completed: saveTotal("completed"),
      dead: saveTotal("dead"),
      cancelled: saveTotal("cancelled"),
      finished_bytes: saveTotal("finished_bytes"),
    };
    this.#counts = database.prepare("SELECT queue, name, state, count FROM counts WHERE count > 0");
    this.#totals = database.prepare(`SELECT queue, ${EVENTS.join(", ")} FROM totals`);
    this.#pending = database.prepare("SELECT sum(count) AS count FROM counts WHERE queue = ? AND state IN ('waiting', 'scheduled', 'retrying')");
    this.#names = database.prepare("SELECT DISTINCT name FROM counts WHERE queue = ? AND state IN ('waiting', 'retrying') AND count > 0");
    this.#queues = database.prepare("SELECT queue FROM totals");
    const finishedStates = FINISHED_STATES.map((state) => `'${state}'`).join(", ");
    this.#finished = database.prepare(
      `SELECT c.queue, c.state, sum(c.count) AS count, t.finished_bytes AS bytes FROM counts c JOIN totals t ON t.queue = c.queue
       WHERE c.state IN (${finishedStates}) AND c.count > 0 GROUP BY c.queue, c.state`,
    );
  }

  move({ queue, name }: Place, { from, to, count = 1 }: Move): void {
    if (from === to) return;
    if (from !== null) this.#add({ queue, name }, from, -count);
    if (to !== null) this.#add({ queue, name }, to, count);
  }

  #add({ queue, name }: Place, state: JobState, by: number): void {
    // The lengths first, so that no queue and name run into another queue and name.
    const key = `${state} ${queue.length} ${queue}${name}`;
    const change = this.#changes.get(key);
    if (change === undefined) this.#changes.set(key, { queue, name, state, by });
    else change.by += by;
  }

  note(queue: string, event: Event | "finished_bytes", by = 1): void {
    const key = `${event} ${queue}`;
    const noted = this.#events.get(key);
    if (noted === undefined) this.#events.set(key, { queue, event, by });
    else noted.by += by;
  }

  /** At the end of a verb, in its transaction. */
  save(): void {
    for (const { queue, name, state, by } of this.#changes.values()) if (by !== 0) this.#saveCount.run(queue, name, state, by);
    for (const { queue, event, by } of this.#events.values()) this.#saveTotal[event].run(queue, by);
    this.forget();
  }

  /** Of a verb that has failed. */
  forget(): void {
    this.#changes.clear();
    this.#events.clear();
  }

  counts(): StorageCounts {
    const jobs = this.#counts.all().map((row): JobCount => {
      return { queue: text(row["queue"]), name: text(row["name"]), state: text(row["state"]) as JobState, count: number(row["count"]) };
    });
    const totals = this.#totals.all().map((row) => {
      const [enqueued, completed, dead, cancelled] = EVENTS.map((event) => number(row[event])) as [number, number, number, number];
      return [text(row["queue"]), { enqueued, completed, dead, cancelled }] as const;
    });
    return { jobs, totals: Object.fromEntries(totals) };
  }

  /** Jobs of the queue that wait for a run. */
  pending(queue: string): number {
    return number(this.#pending.get(queue)?.["count"]);
  }

  /** Those that jobs have ever been in. */
  queues(): readonly string[] {
    return this.#queues.all().map((row) => text(row["queue"]));
  }

  /** Names that jobs of the queue have which may be due. */
  namesWaiting(queue: string): ReadonlySet<string> {
    return new Set(this.#names.all(queue).map((row) => text(row["name"])));
  }

  /** The finished jobs: how many of each state there are in each queue, and what all of the queue occupy. */
  finished(): readonly FinishedTally[] {
    return this.#finished.all().map((row) => ({
      queue: text(row["queue"]),
      state: text(row["state"]) as FinishedState,
      count: number(row["count"]),
      queueBytes: number(row["bytes"]),
    }));
  }
}

export interface FinishedTally {
  readonly queue: string;
  readonly state: FinishedState;
  readonly count: number;
  readonly queueBytes: number;
}
