import { type JobState, type NewJob, noJobs } from "../../job/job-record.js";
import { Heap } from "./heap.js";
import { SortedQueue } from "./sorted-queue.js";
import type { Line, QueueLoad, StoredRow } from "./row.js";

/** The states of a job that waits for a run. Whether it is `scheduled` or `waiting` follows from the time. */
export type PendingState = "scheduled" | "waiting" | "retrying";

/**
 * Which jobs are due, and which of them comes first. A job that waits for a run is in exactly one of two places: in the
 * `ready` queue of its line if it is due, else among the future ones. Time is what callers said last.
 */
export class QueueIndex {
  readonly #queues = new Map<string, Map<string, Line>>();
  readonly #loads = new Map<string, QueueLoad>();
  readonly #future = new Heap<StoredRow>(isDueBefore);
  /** The first time that it was told. All others in here are counted from there. */
  #epoch: number | undefined;
  /** Everything that is due by then is ready, and nothing else. */
  #now = -Infinity;
  /** No ready job is due later than this. */
  #latestReady = -Infinity;

  /** The line of this job, made if it is new. */
  line({ queue, name, createdAt }: Pick<NewJob, "queue" | "name" | "createdAt">): Line {
    const epoch = (this.#epoch ??= createdAt);
    let lines = this.#queues.get(queue);
    if (lines === undefined) this.#queues.set(queue, (lines = new Map<string, Line>()));
    let line = lines.get(name);
    if (line === undefined) {
      line = { queue, name, epoch, load: this.#load(queue), ready: new SortedQueue(isClaimedBefore), counts: noJobs(), lastTerms: null };
      lines.set(name, line);
    }
    return line;
  }

  #load(queue: string): QueueLoad {
    let load = this.#loads.get(queue);
    if (load === undefined) this.#loads.set(queue, (load = { pending: 0 }));
    return load;
  }

  /** How many jobs of the queue are filed. */
  pending(queue: string): number {
    return this.#loads.get(queue)?.pending ?? 0;
  }

  *lines(): Iterable<Line> {
    for (const lines of this.#queues.values()) yield* lines.values();
  }

  /** Counts a new row. */
  add(row: StoredRow): void {
    row.line.counts[row.state] += 1;
  }

  /** Counts a row no more. */
  drop(row: StoredRow): void {
    row.line.counts[row.state] -= 1;
  }

  setState(row: StoredRow, state: JobState): void {
    row.line.counts[row.state] -= 1;
    row.line.counts[state] += 1;
    row.state = state;
  }

  /** Puts a row where jobs wait for their time, or their turn. `dueAt` must not change until it is taken out. */
  file(row: StoredRow, as: PendingState): void {
    row.line.load.pending += 1;
    this.#place(row, as);
  }

  #place(row: StoredRow, as: PendingState): void {
    const isDue = row.dueAt <= this.#now;
    this.setState(row, as === "retrying" ? as : isDue ? "waiting" : "scheduled");
    if (isDue && row.dueAt > this.#latestReady) this.#latestReady = row.dueAt;
    this.#placeOf(row).push(row);
  }

  /** Takes a row out that `file` put in. */
  unfile(row: StoredRow): void {
    row.line.load.pending -= 1;
    this.#placeOf(row).remove(row);
  }

  /** Takes out the next of the ready jobs of these names. */
  take(request: { readonly queue: string; readonly names: readonly string[]; readonly limit: number }): StoredRow[] {
    const lines = this.#queues.get(request.queue);
    const queues: SortedQueue<StoredRow>[] = [];
    for (const name of lines === undefined ? [] : request.names) {
      const ready = lines?.get(name)?.ready;
      if (ready !== undefined && ready.size > 0) queues.push(ready);
    }
    const taken: StoredRow[] = [];
    while (taken.length < request.limit) {
      const row = firstOf(queues);
      if (row === undefined) break;
      row.line.ready.remove(row);
      row.line.load.pending -= 1;
      taken.push(row);
    }
    return taken;
  }

  nextDueAt(): number | null {
    const first = this.#future.peek();
    return first === undefined ? null : first.dueAt + first.line.epoch;
  }

  /** Makes ready what is due by then. */
  advance(wallTime: number): void {
    this.#epoch ??= wallTime;
    const now = wallTime - this.#epoch;
    if (now < this.#now) this.#goBack(now);
    this.#now = now;
    for (let row = this.#future.peek(); row !== undefined && row.dueAt <= now; row = this.#future.peek()) {
      this.#future.remove(row);
      this.#place(row, row.state === "retrying" ? row.state : "waiting");
    }
  }

  /** Wall clocks are set back now and then. What is not due any more has to wait again, lest it run too early. */
  #goBack(now: number): void {
    const early: StoredRow[] = [];
    if (this.#latestReady > now) {
      for (const { ready } of this.lines()) {
        for (const row of ready.items()) if (row.dueAt > now) early.push(row);
      }
    }
    for (const row of early) row.line.ready.remove(row);
    this.#now = now;
    this.#latestReady = Math.min(this.#latestReady, now);
    for (const row of early) this.#place(row, row.state === "retrying" ? row.state : "waiting");
  }

  #placeOf(row: StoredRow): SortedQueue<StoredRow> | Heap<StoredRow> {
    return row.dueAt <= this.#now ? row.line.ready : this.#future;
  }
}

function firstOf(queues: readonly SortedQueue<StoredRow>[]): StoredRow | undefined {
  let first: StoredRow | undefined;
  for (const queue of queues) {
    const row = queue.peek();
    if (row !== undefined && (first === undefined || isClaimedBefore(row, first))) first = row;
  }
  return first;
}

function isClaimedBefore(a: StoredRow, b: StoredRow): boolean {
  if (a.terms !== b.terms && a.terms.priority !== b.terms.priority) return a.terms.priority < b.terms.priority;
  return isDueBefore(a, b);
}

function isDueBefore(a: StoredRow, b: StoredRow): boolean {
  return a.dueAt === b.dueAt ? a.sequence < b.sequence : a.dueAt < b.dueAt;
}
