import { FINISHED_STATES, type FinishedState } from "../../job/job-record.js";
import type { PruneRequest, Retention } from "../storage.js";
import { Heap, type Heaped } from "./heap.js";
import type { StoredRow } from "./row.js";
import { SortedQueue } from "./sorted-queue.js";

/** The jobs of one queue that finished in one way. */
interface StateLog extends Heaped {
  readonly queue: string;
  readonly state: FinishedState;
  /** The oldest first. */
  readonly rows: SortedQueue<StoredRow>;
  /** What all finished jobs of the queue occupy. */
  readonly weight: { bytes: number };
}

/** The finished jobs, and which of them have been kept long enough. */
export class FinishedLog {
  readonly #queues = new Map<string, Readonly<Record<FinishedState, StateLog>>>();

  add(row: StoredRow, state: FinishedState): void {
    const log = this.#logs(row.line.queue)[state];
    log.rows.push(row);
    log.weight.bytes += row.run.bytes;
  }

  /** Before the row leaves its finished state. */
  delete(row: StoredRow, state: FinishedState): void {
    const log = this.#logs(row.line.queue)[state];
    log.rows.remove(row);
    log.weight.bytes -= row.run.bytes;
  }

  /**
   * Takes out jobs past their retention, the oldest first, at most `limit`. Age and number come first, so that weight is taken of
   * what they leave.
   */
  takeVictims(request: PruneRequest, unreadMs: number): StoredRow[] {
    const { retention, now, limit } = request;
    const isRead = ({ rows }: StateLog): boolean => unreadMs === 0 || finishedAt(rows.peek()) <= now - unreadMs;
    const taken: StoredRow[] = [];
    this.#takeOldest(taken, limit, (log) => isTooMany(log, retention, now) && isRead(log));
    this.#takeOldest(taken, limit, (log) => this.#isTooHeavy(log, request) && isRead(log));
    return taken;
  }

  /** When the next job may go. */
  nextVictimAt(request: PruneRequest, unreadMs: number): number | null {
    const { retention, now } = request;
    let nextAt = Infinity;
    for (const log of this.#all()) {
      const oldest = log.rows.peek();
      if (oldest === undefined) continue;
      const isOver = isTooMany(log, retention, now) || this.#isTooHeavy(log, request);
      const overAt = unreadMs === 0 ? now : finishedAt(oldest) + unreadMs;
      nextAt = Math.min(nextAt, isOver ? overAt : finishedAt(oldest) + limitsOf(log.state, retention).ageMs);
    }
    return nextAt === Infinity ? null : nextAt;
  }

  /** Not while there are too many, which stay since they are not read: what they weigh must not cost the others their place. */
  #isTooHeavy({ rows, queue, weight }: StateLog, { retention, now }: PruneRequest): boolean {
    if (rows.size === 0 || weight.bytes <= retention.bytes) return false;
    const logs = this.#logs(queue);
    return FINISHED_STATES.every((state) => !isTooMany(logs[state], retention, now));
  }

  #takeOldest(taken: StoredRow[], limit: number, isOver: (log: StateLog) => boolean): void {
    const over = new Heap<StateLog>(startsEarlier);
    for (const log of this.#all()) if (isOver(log)) over.push(log);
    while (taken.length < limit) {
      const log = over.pop();
      if (log === undefined) return;
      const oldest = log.rows.peek();
      // What was taken from its queue meanwhile may have been enough.
      if (oldest === undefined || !isOver(log)) continue;
      this.delete(oldest, log.state);
      taken.push(oldest);
      if (isOver(log)) over.push(log);
    }
  }

  *#all(): Iterable<StateLog> {
    for (const logs of this.#queues.values()) {
      for (const state of FINISHED_STATES) yield logs[state];
    }
  }

  #logs(queue: string): Readonly<Record<FinishedState, StateLog>> {
    let logs = this.#queues.get(queue);
    if (logs === undefined) {
      const weight = { bytes: 0 };
      const newLog = (state: FinishedState): StateLog => ({ queue, state, rows: new SortedQueue(isOlder), weight, heapIndex: -1 });
      logs = { completed: newLog("completed"), dead: newLog("dead"), cancelled: newLog("cancelled") };
      this.#queues.set(queue, logs);
    }
    return logs;
  }
}

/** `cancelled` jobs are kept as long as completed ones. */
function limitsOf(state: FinishedState, retention: Retention): Retention["completed"] {
  return state === "dead" ? retention.dead : retention.completed;
}

/** Its oldest is past its age, or one too many. */
function isTooMany({ state, rows }: StateLog, retention: Retention, now: number): boolean {
  const { ageMs, count } = limitsOf(state, retention);
  const oldest = rows.peek();
  return oldest !== undefined && (rows.size > count || finishedAt(oldest) + ageMs <= now);
}

function startsEarlier(a: StateLog, b: StateLog): boolean {
  const [first, second] = [a.rows.peek(), b.rows.peek()];
  return first !== undefined && second !== undefined && isOlder(first, second);
}

function isOlder(a: StoredRow, b: StoredRow): boolean {
  const difference = finishedAt(a) - finishedAt(b);
  return difference === 0 ? a.sequence < b.sequence : difference < 0;
}

function finishedAt(row: StoredRow | undefined): number {
  return row?.run.finishedAt ?? 0;
}
