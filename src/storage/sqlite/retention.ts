/** Which finished jobs have been kept long enough, and their end. */

import { FINISHED_STATES, type FinishedState } from "../../job/job-record.js";
import type { PruneRequest, PruneResult, Retention } from "../storage.js";
import type { Around } from "./around.js";
import type { SqlTuple, TupleStatement } from "./driver.js";
import type { Jobs } from "./jobs.js";
import { number, text } from "./row.js";
import type { FinishedTally } from "./tally.js";

/** A finished job. */
interface Kept {
  readonly seq: number;
  readonly queue: string;
  readonly name: string;
  readonly state: FinishedState;
  readonly finishedAt: number;
  readonly bytes: number;
}

export class RetentionRule {
  readonly #around: Around;
  readonly #jobs: Jobs;
  readonly #oldest: TupleStatement;
  readonly #expired: TupleStatement;

  constructor(around: Around, jobs: Jobs) {
    this.#around = around;
    this.#jobs = jobs;
    const columns = "seq, queue, name, state, finished_at, bytes";
    const finished = "FROM jobs WHERE finished_at IS NOT NULL AND queue = ?";
    this.#oldest = around.database.prepareTuples(`SELECT ${columns} ${finished} AND state = ? ORDER BY finished_at, seq LIMIT ?`);
    this.#expired = around.database.prepareTuples(`SELECT ${columns} ${finished} AND state = ? AND finished_at <= ? ORDER BY finished_at, seq LIMIT ?`);
  }

  /** Age and number come first, so that weight is taken of what they leave. */
  prune({ retention, limit, now }: PruneRequest): PruneResult {
    const pruned = this.#remove(this.#tooMany({ retention, limit, now }));
    const more = this.#remove(this.#tooHeavy(retention, limit - pruned));
    const isFull = pruned + more === limit;
    if (isFull && this.#hasVictims(retention, now)) return { pruned: limit, nextInMs: 0 };
    const nextAt = this.#nextExpiryAt(retention);
    return { pruned: pruned + more, nextInMs: nextAt === null ? null : nextAt - now };
  }

  #hasVictims(retention: Retention, now: number): boolean {
    return this.#tooMany({ retention, now, limit: 1 }).length > 0 || this.#tooHeavy(retention, 1).length > 0;
  }

  #tooMany({ retention, limit, now }: PruneRequest): readonly Kept[] {
    const victims = this.#around.tally.finished().flatMap(({ queue, state, count }) => {
      const kept = limitsOf(state, retention);
      const excess = Math.min(Math.max(count - kept.count, 0), limit);
      // Both are the oldest, so that the longer one has the other in it.
      const expired = this.#expired.all(queue, state, now - kept.ageMs, limit);
      const victims = expired.length > excess ? expired : this.#oldest.all(queue, state, excess);
      return victims.map(toKept);
    });
    return oldestFirst(victims).slice(0, limit);
  }

  #tooHeavy(retention: Retention, limit: number): readonly Kept[] {
    if (limit === 0 || retention.bytes === Infinity) return [];
    const queues = new Map(this.#around.tally.finished().map(({ queue, queueBytes }: FinishedTally) => [queue, queueBytes]));
    const victims = [...queues].flatMap(([queue, queueBytes]) => {
      let bytes = queueBytes;
      if (bytes <= retention.bytes) return [];
      const oldest = FINISHED_STATES.flatMap((state) => this.#oldest.all(queue, state, limit)).map(toKept);
      return oldestFirst(oldest).slice(0, limit).filter((kept) => {
        const isOver = bytes > retention.bytes;
        bytes -= kept.bytes;
        return isOver;
      });
    });
    return oldestFirst(victims).slice(0, limit);
  }

  #nextExpiryAt(retention: Retention): number | null {
    const expiries = this.#around.tally.finished().map(({ queue, state }) => {
      const [oldest] = this.#oldest.all(queue, state, 1).map(toKept);
      return oldest === undefined ? Infinity : oldest.finishedAt + limitsOf(state, retention).ageMs;
    });
    const nextAt = Math.min(Infinity, ...expiries);
    return nextAt === Infinity ? null : nextAt;
  }

  #remove(victims: readonly Kept[]): number {
    for (const victim of victims) this.#jobs.remove(victim, victim.bytes);
    // What follows counts again.
    this.#around.tally.save();
    return victims.length;
  }
}

/** `cancelled` jobs are kept as long as completed ones. */
function limitsOf(state: FinishedState, retention: Retention): Retention["completed"] {
  return state === "dead" ? retention.dead : retention.completed;
}

function toKept([seq, queue, name, state, finishedAt, bytes]: SqlTuple): Kept {
  return { seq: number(seq), queue: text(queue), name: text(name), state: text(state) as FinishedState, finishedAt: number(finishedAt), bytes: number(bytes) };
}

function oldestFirst(jobs: readonly Kept[]): readonly Kept[] {
  return jobs.toSorted((a, b) => a.finishedAt - b.finishedAt || a.seq - b.seq);
}
