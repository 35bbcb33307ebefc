import { FINISHED_STATES, type FinishedState, isFinished } from "../../job/job-record.js";
import type { Retention } from "../storage.js";
import { Heap } from "./heap.js";
import type { StoredRow } from "./row.js";

/** The finished jobs of one queue, the oldest on top. */
interface QueueLog {
  readonly completed: Heap<StoredRow>;
  readonly dead: Heap<StoredRow>;
  readonly cancelled: Heap<StoredRow>;
  bytes: number;
}

/** The finished jobs, and which of them has been kept long enough. */
export class FinishedLog {
  readonly #queues = new Map<string, QueueLog>();

  add(row: StoredRow, state: FinishedState): void {
    const log = this.#logOf(row);
    log[state].push(row);
    log.bytes += row.run.bytes;
  }

  /** Before the row leaves its finished state. */
  delete(row: StoredRow): void {
    const log = this.#logOf(row);
    if (isFinished(row.state)) log[row.state].remove(row);
    log.bytes -= row.run.bytes;
  }

  /** The oldest job that is past its retention. Age and number come first, so that weight is taken of what is left. */
  nextVictim(retention: Retention, now: number): StoredRow | undefined {
    return this.#oldestOverdue(retention, now) ?? this.#oldestOverweight(retention);
  }

  /** When the next job will be past its age. */
  nextExpiryAt(retention: Retention): number | null {
    let nextAt = Infinity;
    for (const { log, state } of this.#heaps()) {
      const oldest = log[state].peek();
      if (oldest !== undefined) nextAt = Math.min(nextAt, finishedAt(oldest) + limitsOf(state, retention).ageMs);
    }
    return nextAt === Infinity ? null : nextAt;
  }

  #oldestOverdue(retention: Retention, now: number): StoredRow | undefined {
    let victim: StoredRow | undefined;
    for (const { log, state } of this.#heaps()) {
      const oldest = log[state].peek();
      if (oldest === undefined) continue;
      const { ageMs, count } = limitsOf(state, retention);
      const isOver = log[state].size > count || finishedAt(oldest) + ageMs <= now;
      if (isOver && (victim === undefined || isOlder(oldest, victim))) victim = oldest;
    }
    return victim;
  }

  #oldestOverweight(retention: Retention): StoredRow | undefined {
    let victim: StoredRow | undefined;
    for (const { log, state } of this.#heaps()) {
      const oldest = log.bytes > retention.bytes ? log[state].peek() : undefined;
      if (oldest !== undefined && (victim === undefined || isOlder(oldest, victim))) victim = oldest;
    }
    return victim;
  }

  *#heaps(): Iterable<{ readonly log: QueueLog; readonly state: FinishedState }> {
    for (const log of this.#queues.values()) {
      for (const state of FINISHED_STATES) yield { log, state };
    }
  }

  #logOf(row: StoredRow): QueueLog {
    let log = this.#queues.get(row.line.queue);
    if (log === undefined) {
      log = { completed: new Heap(isOlder), dead: new Heap(isOlder), cancelled: new Heap(isOlder), bytes: 0 };
      this.#queues.set(row.line.queue, log);
    }
    return log;
  }
}

/** `cancelled` jobs are kept as long as completed ones. */
function limitsOf(state: FinishedState, retention: Retention): Retention["completed"] {
  return state === "dead" ? retention.dead : retention.completed;
}

function isOlder(a: StoredRow, b: StoredRow): boolean {
  const difference = finishedAt(a) - finishedAt(b);
  return difference === 0 ? a.sequence < b.sequence : difference < 0;
}

function finishedAt(row: StoredRow): number {
  return row.run.finishedAt ?? 0;
}
