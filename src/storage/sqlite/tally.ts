/** How many jobs there are of each kind, kept beside the jobs: with a million of them, counting takes too long. */

import { FINISHED_STATES, type FinishedState, type JobState } from "../../job/job-record.js";
import type { JobCount, QueueTotals, StorageCounts } from "../storage.js";
import type { Database, Statement } from "./driver.js";
import { number, text } from "./row.js";

type Event = keyof QueueTotals;
type Total = Event | "finished_bytes";
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
  /** By queue, then by name, then by state. Every job comes here several times. */
  readonly #changes = new Map<string, Map<string, Map<JobState, number>>>();
  readonly #events = new Map<string, Map<Total, number>>();
  readonly #saveCount: Statement;
  readonly #saveTotal: Readonly<Record<Total, Statement>>;
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
    const saveTotal = (column: Total): Statement =>
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
    const states = within(within(this.#changes, queue), name);
    if (from !== null) add(states, from, -count);
    if (to !== null) add(states, to, count);
  }

  note(queue: string, total: Total, by = 1): void {
    add(within(this.#events, queue), total, by);
  }

  /** At the end of a verb, in its transaction. */
  save(): void {
    for (const [queue, names] of this.#changes) {
      for (const [name, states] of names) for (const [state, by] of states) if (by !== 0) this.#saveCount.run(queue, name, state, by);
    }
    for (const [queue, totals] of this.#events) for (const [total, by] of totals) this.#saveTotal[total].run(queue, by);
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

export function within<Inner extends Map<unknown, unknown>>(outer: Map<string, Inner>, key: string): Inner {
  let inner = outer.get(key);
  if (inner === undefined) outer.set(key, (inner = new Map() as Inner));
  return inner;
}

export function add<Key>(sums: Map<Key, number>, key: Key, by: number): void {
  sums.set(key, (sums.get(key) ?? 0) + by);
}

export interface FinishedTally {
  readonly queue: string;
  readonly state: FinishedState;
  readonly count: number;
  readonly queueBytes: number;
}
