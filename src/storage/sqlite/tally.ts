/** How many jobs there are of each kind, kept beside the jobs: with a million of them, counting takes too long. */

import { FINISHED_STATES, type FinishedState, JOB_STATES, type JobState, noJobs } from "../../job/job-record.js";
import type { JobCount, QueueTotals, StorageCounts } from "../storage.js";
import type { Database, Statement } from "./driver.js";
import { number, text } from "./row.js";

type Event = keyof QueueTotals;
type Total = Event | "finished_bytes";
const EVENTS: readonly Event[] = ["enqueued", "completed", "dead", "cancelled"];
const TOTALS: readonly Total[] = [...EVENTS, "finished_bytes"];
type ByState = Record<JobState, number>;
type ByTotal = Record<Total, number>;

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
  /** By queue, then by name. */
  readonly #changes = new Map<string, Map<string, ByState>>();
  readonly #events = new Map<string, ByTotal>();
  /** Every job comes here several times, and mostly it is in the same place as the one before. */
  #last: (Place & { readonly states: ByState; readonly totals: ByTotal }) | undefined;
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
    const { states } = this.#at(queue, name);
    if (from !== null) states[from] -= count;
    if (to !== null) states[to] += count;
  }

  note({ queue, name }: Place, total: Total, by = 1): void {
    this.#at(queue, name).totals[total] += by;
  }

  #at(queue: string, name: string): { readonly states: ByState; readonly totals: ByTotal } {
    if (this.#last?.queue === queue && this.#last.name === name) return this.#last;
    const names = within(this.#changes, queue, () => new Map<string, ByState>());
    this.#last = { queue, name, states: within(names, name, noJobs), totals: within(this.#events, queue, noTotals) };
    return this.#last;
  }

  /** At the end of a verb, in its transaction. */
  save(): void {
    for (const [queue, names] of this.#changes) {
      for (const [name, states] of names) for (const state of JOB_STATES) if (states[state] !== 0) this.#saveCount.run(queue, name, state, states[state]);
    }
    for (const [queue, totals] of this.#events) for (const total of TOTALS) if (totals[total] !== 0) this.#saveTotal[total].run(queue, totals[total]);
    this.forget();
  }

  /** Of a verb that has failed. */
  forget(): void {
    this.#changes.clear();
    this.#events.clear();
    this.#last = undefined;
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

export function within<Key, Inner>(outer: Map<Key, Inner>, key: Key, make: () => Inner): Inner {
  let inner = outer.get(key);
  if (inner === undefined) outer.set(key, (inner = make()));
  return inner;
}

function noTotals(): ByTotal {
  return { enqueued: 0, completed: 0, dead: 0, cancelled: 0, finished_bytes: 0 };
}

export interface FinishedTally {
  readonly queue: string;
  readonly state: FinishedState;
  readonly count: number;
  readonly queueBytes: number;
}
