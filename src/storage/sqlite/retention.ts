/** Which finished jobs have been kept long enough, and their end. */

import { FINISHED_STATES, type FinishedState } from "../../job/job-record.js";
import type { PruneRequest, PruneResult, Retention } from "../storage.js";
import type { Around } from "./around.js";
import type { SqlTuple, Statement, TupleStatement } from "./driver.js";
import { number, text } from "./row.js";
import { type FinishedTally, type Tally, within } from "./tally.js";

/** A finished job. */
interface Kept {
  readonly seq: number;
  readonly queue: string;
  readonly name: string;
  readonly state: FinishedState;
  readonly finishedAt: number;
  readonly bytes: number;
}

/** A look for the next job that may go. */
interface Look extends Pick<PruneRequest, "retention" | "now"> {
  readonly crowded: ReadonlySet<string>;
  readonly unreadMs: number;
}

interface Weighing extends Pick<PruneRequest, "retention" | "limit"> {
  readonly crowded: ReadonlySet<string>;
  readonly readUntil: number;
}

/** Later than any time. */
const EVER = Number.MAX_VALUE;
const NO_QUEUES: ReadonlySet<string> = new Set();

export class RetentionRule {
  readonly #tally: Tally;
  readonly #oldest: TupleStatement;
  readonly #delete: Statement;

  constructor({ database, tally }: Around) {
    this.#tally = tally;
    const finished = "FROM jobs WHERE finished_at IS NOT NULL AND queue = ? AND state = ?";
    const oldestFirst = "ORDER BY finished_at, seq LIMIT ?";
    this.#oldest = database.prepareTuples(`SELECT seq, name, finished_at, bytes ${finished} AND finished_at <= ? ${oldestFirst}`);
    this.#delete = database.prepare(`DELETE FROM jobs WHERE seq IN (SELECT seq ${finished} ${oldestFirst})`);
  }

  /**
   * Age and number come first, so that weight is taken of what they leave.
   *
   * @param unreadMs what has finished within so many ms stays in any case: somebody else may not have read it yet
   */
  prune(request: PruneRequest, unreadMs: number): PruneResult {
    const { retention, limit, now } = request;
    const readUntil = unreadMs === 0 ? EVER : now - unreadMs;
    const tooMany = this.#remove(this.#tooMany(request, readUntil));
    const crowded = unreadMs === 0 ? NO_QUEUES : this.#crowded(retention);
    const tooHeavy = this.#remove(this.#tooHeavy({ retention, crowded, readUntil, limit: limit - tooMany }));
    const nextAt = this.#nextAt({ retention, now, crowded, unreadMs });
    return { pruned: tooMany + tooHeavy, nextInMs: nextAt === null ? null : Math.max(nextAt - now, 0) };
  }

  /** Queues with too many jobs that stay since they are not read: what they weigh must not cost the others their place. */
  #crowded(retention: Retention): ReadonlySet<string> {
    const crowded = this.#tally.finished().filter(({ state, count }) => count > limitsOf(state, retention).count);
    return new Set(crowded.map(({ queue }) => queue));
  }

  #tooMany({ retention, limit, now }: PruneRequest, readUntil: number): readonly Kept[] {
    const victims = this.#tally.finished().flatMap(({ queue, state, count }) => {
      const kept = limitsOf(state, retention);
      const excess = Math.min(Math.max(count - kept.count, 0), limit);
      // Both are the oldest, so that the longer one has the other in it.
      const expired = this.#oldest.all(queue, state, Math.min(now - kept.ageMs, readUntil), limit);
      return toKept(queue, state, expired.length > excess ? expired : this.#oldest.all(queue, state, readUntil, excess));
    });
    return oldestFirst(victims).slice(0, limit);
  }

  #tooHeavy({ retention, limit, crowded, readUntil }: Weighing): readonly Kept[] {
    if (limit === 0 || retention.bytes === Infinity) return [];
    const queues = new Map(this.#tally.finished().map(({ queue, queueBytes }: FinishedTally) => [queue, queueBytes]));
    const victims = [...queues].flatMap(([queue, queueBytes]) => {
      let bytes = queueBytes;
      if (bytes <= retention.bytes || crowded.has(queue)) return [];
      const oldest = FINISHED_STATES.flatMap((state) => toKept(queue, state, this.#oldest.all(queue, state, readUntil, limit)));
      return oldestFirst(oldest).slice(0, limit).filter((kept) => {
        const isOver = bytes > retention.bytes;
        bytes -= kept.bytes;
        return isOver;
      });
    });
    return oldestFirst(victims).slice(0, limit);
  }

  /** When the next may go. */
  #nextAt({ retention, now, crowded, unreadMs }: Look): number | null {
    const times = this.#tally.finished().map(({ queue, state, count, queueBytes }) => {
      const [oldest] = toKept(queue, state, this.#oldest.all(queue, state, EVER, 1));
      if (oldest === undefined) return Infinity;
      const kept = limitsOf(state, retention);
      const expiresAt = oldest.finishedAt + kept.ageMs;
      const isOver = count > kept.count || expiresAt <= now || (queueBytes > retention.bytes && !crowded.has(queue));
      if (!isOver) return expiresAt;
      return unreadMs === 0 ? now : oldest.finishedAt + unreadMs;
    });
    const nextAt = Math.min(Infinity, ...times);
    return nextAt === Infinity ? null : nextAt;
  }

  #remove(victims: readonly Kept[]): number {
    const deleted = new Map<string, Map<FinishedState, number>>();
    for (const { queue, name, state, bytes } of victims) {
      const place = { queue, name };
      const states = within(deleted, queue, () => new Map<FinishedState, number>());
      states.set(state, (states.get(state) ?? 0) + 1);
      this.#tally.move(place, { from: state, to: null });
      this.#tally.note(place, "finished_bytes", -bytes);
    }
    // They are the oldest of their state in their queue: one statement takes half the time of one for each.
    for (const [queue, states] of deleted) for (const [state, count] of states) this.#delete.run(queue, state, count);
    // What follows counts again.
    this.#tally.save();
    return victims.length;
  }
}

/** `cancelled` jobs are kept as long as completed ones. */
function limitsOf(state: FinishedState, retention: Retention): Retention["completed"] {
  return state === "dead" ? retention.dead : retention.completed;
}

function toKept(queue: string, state: FinishedState, rows: readonly SqlTuple[]): Kept[] {
  return rows.map(([seq, name, finishedAt, bytes]) => ({ queue, state, seq: number(seq), name: text(name), finishedAt: number(finishedAt), bytes: number(bytes) }));
}

function oldestFirst(jobs: readonly Kept[]): readonly Kept[] {
  return jobs.toSorted((a, b) => a.finishedAt - b.finishedAt || a.seq - b.seq);
}
