/** What is due. Time is what callers said last, as in every store: whether a job waits for its turn or for its time is kept in its row. */

import type { Database, SqlRow, Statement } from "./driver.js";
import { number, numberOrNull, text } from "./row.js";
import type { Tally } from "./tally.js";

/** A million jobs may fall due while nothing runs. The rest is made ready by the calls that follow, since no call may take long. */
const MOST_AT_ONCE = 20_000;

export class Due {
  readonly #tally: Tally;
  readonly #firstFuture: Statement;
  readonly #lateByName: Statement;
  readonly #makeReady: Statement;
  readonly #earlyByName: Statement;
  readonly #makeFuture: Statement;
  #now = Infinity;
  /** No ready job is due later than this. Not known of what others, or we in another life, have made ready. */
  #latestReady = Infinity;

  constructor(database: Database, tally: Tally) {
    this.#tally = tally;
    this.#firstFuture = database.prepare("SELECT min(run_at) AS at FROM jobs WHERE ready = 0");
    const late = `SELECT seq FROM jobs WHERE ready = 0 AND run_at <= ? ORDER BY run_at, seq LIMIT ${MOST_AT_ONCE}`;
    this.#lateByName = database.prepare(`SELECT queue, name, count(*) AS count FROM jobs WHERE seq IN (${late}) AND state = 'scheduled' GROUP BY queue, name`);
    this.#makeReady = database.prepare(`UPDATE jobs SET ready = 1, state = CASE state WHEN 'scheduled' THEN 'waiting' ELSE state END WHERE seq IN (${late})`);
    this.#earlyByName = database.prepare("SELECT queue, name, count(*) AS count FROM jobs WHERE ready = 1 AND run_at > ? AND state = 'waiting' GROUP BY queue, name");
    this.#makeFuture = database.prepare(
      "UPDATE jobs SET ready = 0, state = CASE state WHEN 'waiting' THEN 'scheduled' ELSE state END WHERE ready = 1 AND run_at > ?",
    );
  }

  isDue(runAt: number): boolean {
    const isDue = runAt <= this.#now;
    if (isDue && runAt > this.#latestReady) this.#latestReady = runAt;
    return isDue;
  }

  /** Whether jobs have to be moved, so that they are as of this time. */
  isStale(now: number): boolean {
    return this.#isAhead(now) || (this.nextAt() ?? Infinity) <= now;
  }

  /** Every other verb sees the jobs as of this time. */
  advance(now: number): void {
    // Wall clocks are set back now and then. What is not due any more has to wait again, lest it run too early.
    if (this.#isAhead(now)) this.#goBack(now);
    this.#now = now;
    const first = this.nextAt();
    if (first === null || first > now) return;
    for (const row of this.#lateByName.all(now)) this.#move(row, "waiting");
    this.#makeReady.run(now);
    this.#latestReady = Math.max(this.#latestReady, now);
  }

  #isAhead(now: number): boolean {
    return now < this.#now && this.#latestReady > now;
  }

  #goBack(now: number): void {
    for (const row of this.#earlyByName.all(now)) this.#move(row, "scheduled");
    this.#makeFuture.run(now);
    this.#latestReady = now;
  }

  #move(row: SqlRow, to: "waiting" | "scheduled"): void {
    const from = to === "waiting" ? "scheduled" : "waiting";
    this.#tally.move({ queue: text(row["queue"]), name: text(row["name"]) }, { from, to, count: number(row["count"]) });
  }

  /** When the next job is due that is not yet. */
  nextAt(): number | null {
    return numberOrNull(this.#firstFuture.get()?.["at"]);
  }

  /** @returns what makes it know again what it knows now, if what follows is rolled back */
  remember(): () => void {
    const [now, latestReady] = [this.#now, this.#latestReady];
    return () => {
      this.#now = now;
      this.#latestReady = latestReady;
    };
  }
}
