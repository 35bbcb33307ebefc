/**
 * Keeps queues within their `maxQueued`. The storage counts and decides; here is what it is asked for, and who waits for room:
 * one line per queue, first come, first stored. Nobody looks at a full queue by the clock, but for a slow look while somebody
 * waits: a storage that several processes share need not tell of a claim.
 */

import type { Clock, Timer } from "../clock.js";
import { QueueFullError, StorageError } from "../errors.js";
import type { NewJob } from "../job/job-record.js";
import type { Enqueued, QueueLimit, QueueLimits, Storage } from "../storage/storage.js";
import { deferred, onAbort } from "../waiting.js";

const LOOK_MS = 1_000;
/** One write of jobs that wait. */
const LARGEST_WRITE = 1_000;
/** Most of a long line would be refused, so that a write brings no more than twice what went in last time, but so many. */
const SMALLEST_WRITE = 16;

export interface AdmissionDeps {
  readonly clock: Clock;
  /** Of the queues that have a limit. */
  readonly maxQueued: ReadonlyMap<string, number>;
  /** Asks for the limits when it passes the jobs on, and not before. */
  readonly write: (jobs: readonly NewJob[], limits: () => QueueLimits | undefined) => Promise<Answers>;
}

type Answers = readonly (Enqueued | "full")[];

export interface WholeCall {
  readonly write: (jobs: readonly NewJob[]) => Promise<Answers>;
  /** No more writes follow. */
  readonly end: () => void;
}

interface Waiter {
  readonly jobs: readonly NewJob[];
  /** Of the first jobs, which are stored. */
  readonly answers: Enqueued[];
  readonly resolve: (answers: readonly Enqueued[]) => void;
  readonly reject: (error: unknown) => void;
  /** A write that has its next job is under way. */
  isAsked: boolean;
  /** Why it waits no more. */
  end: { readonly reason: unknown } | null;
}

interface Line {
  /** In the order in which they came. */
  readonly waiters: Set<Waiter>;
  isMoving: boolean;
  isStale: boolean;
  writeSize: number;
}

export class Admission {
  readonly #deps: AdmissionDeps;
  readonly #lines = new Map<string, Line>();
  /** Places that are promised to the rest of a call that is stored in several writes. */
  readonly #reserved = new Map<string, number>();
  readonly #moves = new Set<Promise<void>>();
  #timer: Timer | undefined;
  #release: (() => void) | undefined;
  #stopError: Error | undefined;

  constructor(deps: AdmissionDeps) {
    this.#deps = deps;
  }

  isLimited(queue: string): boolean {
    return this.#deps.maxQueued.has(queue);
  }

  /** For a write of calls that do not wait; `undefined` if none of their queues has a limit. */
  limits(jobs: readonly NewJob[]): QueueLimits | undefined {
    if (this.#deps.maxQueued.size === 0) return undefined;
    let limits: Map<string, QueueLimit> | undefined;
    for (const { queue } of jobs) {
      if (limits?.has(queue) === true) continue;
      const limit = this.limit(queue);
      if (limit !== undefined) (limits ??= new Map<string, QueueLimit>()).set(queue, limit);
    }
    return limits;
  }

  /** Where somebody waits there is no room for those who do not. */
  limit(queue: string): QueueLimit | undefined {
    if (!this.isLimited(queue)) return undefined;
    return { maxQueued: this.#isWaitedFor(queue) ? 0 : this.#free(queue), room: 1 };
  }

  /** For a call whose jobs are stored all or none, though in several writes: the first brings places for all. */
  whole(queue: string, total: number): WholeCall {
    const isLimited = this.isLimited(queue);
    let isFirst = true;
    let reserved = 0;
    const reserve = (by: number): void => {
      reserved += by;
      this.#reserved.set(queue, (this.#reserved.get(queue) ?? 0) + by);
    };
    return {
      write: async (jobs) => {
        if (!isLimited) return this.#deps.write(jobs, () => undefined);
        if (isFirst) {
          isFirst = false;
          reserve(Math.max(total - jobs.length, 0));
          const maxQueued = (): number => (this.#isWaitedFor(queue) ? 0 : this.#free(queue) + reserved);
          return this.#deps.write(jobs, () => new Map([[queue, { maxQueued: maxQueued(), room: total }]]));
        }
        const answers = await this.#deps.write(jobs, () => undefined);
        reserve(-jobs.length);
        return answers;
      },
      end: () => {
        if (reserved === 0) return;
        reserve(-reserved);
        this.look();
      },
    };
  }

  fullError(queue: string): QueueFullError {
    const maxQueued = this.#deps.maxQueued.get(queue) ?? Infinity;
    return new QueueFullError(`queue "${queue}" is full: no more than ${maxQueued} jobs of it may wait (maxQueued)`, { queue, maxQueued });
  }

  /**
   * Stores jobs of one queue as there is room for them. Resolves when all are stored.
   *
   * @throws the reason of `signal`; what was stored before stays
   */
  wait(jobs: readonly NewJob[], signal: AbortSignal): Promise<readonly Enqueued[]> {
    if (this.#stopError !== undefined) return Promise.reject(this.#stopError);
    if (signal.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = deferred<readonly Enqueued[]>();
    const waiter: Waiter = { jobs, answers: [], resolve, reject, isAsked: false, end: null };
    const queue = jobs[0]?.queue;
    if (queue === undefined) return Promise.resolve([]);
    const line = this.#lineOf(queue);
    line.waiters.add(waiter);
    this.#release ??= this.#deps.clock.hold();
    this.#timer ??= this.#deps.clock.setTimer(LOOK_MS, () => this.#onTimer());
    const stopListening = onAbort(signal, () => this.#giveUp(queue, waiter, signal.reason));
    this.#look(queue, line);
    return promise.finally(stopListening);
  }

  /** The same storage; whoever waits hears of its claims at once. */
  hearing(storage: Storage): Storage {
    if (this.#deps.maxQueued.size === 0) return storage;
    return {
      ...storage,
      claim: async (request) => {
        const jobs = await storage.claim(request);
        if (jobs.length > 0) this.look();
        return jobs;
      },
    };
  }

  /** There may be room in some queue. */
  look(): void {
    for (const [queue, line] of this.#lines) this.#look(queue, line);
  }

  /** Nobody waits any more. */
  stop(error: Error): void {
    this.#stopError = error;
    for (const [queue, { waiters }] of this.#lines) {
      for (const waiter of [...waiters]) this.#giveUp(queue, waiter, error);
    }
  }

  /** Resolves when no write of those who waited is under way. */
  async settle(): Promise<void> {
    await Promise.all(this.#moves);
  }

  #isWaitedFor(queue: string): boolean {
    return (this.#lines.get(queue)?.waiters.size ?? 0) > 0;
  }

  #free(queue: string): number {
    return (this.#deps.maxQueued.get(queue) ?? Infinity) - (this.#reserved.get(queue) ?? 0);
  }

  #lineOf(queue: string): Line {
    let line = this.#lines.get(queue);
    if (line === undefined) this.#lines.set(queue, (line = { waiters: new Set(), isMoving: false, isStale: false, writeSize: LARGEST_WRITE }));
    return line;
  }

  #look(queue: string, line: Line): void {
    line.isStale = true;
    if (line.isMoving || line.waiters.size === 0) return;
    line.isMoving = true;
    // In a microtask, so that those who come together are one write.
    const move = Promise.resolve().then(() => this.#move(queue, line));
    this.#moves.add(move);
    void move.then(() => this.#moves.delete(move));
  }

  async #move(queue: string, line: Line): Promise<void> {
    while (line.isStale && line.waiters.size > 0) {
      line.isStale = false;
      const asked = nextOf(line);
      const jobs = asked.flatMap(([, some]) => some);
      for (const [waiter] of asked) waiter.isAsked = true;
      try {
        const answers = await this.#deps.write(jobs, () => new Map([[queue, { maxQueued: this.#free(queue), room: 1 }]]));
        if (answers.length < jobs.length) throw new StorageError("the storage answered for fewer jobs than it was given");
        const stored = this.#take(asked, answers);
        if (stored === jobs.length) line.isStale = true;
        line.writeSize = Math.min(Math.max(stored * 2, SMALLEST_WRITE), LARGEST_WRITE);
      } catch (error) {
        for (const [waiter] of asked) waiter.end ??= { reason: error };
        line.isStale = true;
      }
      for (const [waiter] of asked) {
        waiter.isAsked = false;
        if (waiter.end !== null || waiter.answers.length === waiter.jobs.length) this.#leave(queue, waiter);
      }
    }
    line.isMoving = false;
    this.#rest();
  }

  /** @returns how many of the jobs need no more room */
  #take(asked: readonly Asked[], answers: Answers): number {
    let index = 0;
    let stored = 0;
    for (const [waiter, jobs] of asked) {
      for (const answer of answers.slice(index, index + jobs.length)) {
        // Later ones of the same call keep their order: they are asked for again.
        if (answer === "full") break;
        waiter.answers.push(answer);
        stored += 1;
      }
      index += jobs.length;
    }
    return stored;
  }

  #giveUp(queue: string, waiter: Waiter, reason: unknown): void {
    waiter.end ??= { reason };
    // Else the write decides: what was stored after all is not refused.
    if (!waiter.isAsked) this.#leave(queue, waiter);
  }

  #leave(queue: string, waiter: Waiter): void {
    if (this.#lines.get(queue)?.waiters.delete(waiter) !== true) return;
    if (waiter.answers.length === waiter.jobs.length) waiter.resolve(waiter.answers);
    else waiter.reject(waiter.end?.reason);
    this.#rest();
  }

  #onTimer(): void {
    this.#timer = this.#deps.clock.setTimer(LOOK_MS, () => this.#onTimer());
    this.look();
  }

  /** Nobody waits: nothing is left running. */
  #rest(): void {
    for (const [queue, { waiters, isMoving }] of this.#lines) {
      if (waiters.size > 0) return;
      if (!isMoving) this.#lines.delete(queue);
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#release?.();
    this.#release = undefined;
  }
}

type Asked = readonly [Waiter, readonly NewJob[]];

/** The next jobs of the line, and whose they are. */
function nextOf({ waiters, writeSize }: Line): Asked[] {
  const asked: Asked[] = [];
  let room = writeSize;
  for (const waiter of waiters) {
    const jobs = waiter.jobs.slice(waiter.answers.length, waiter.answers.length + room);
    asked.push([waiter, jobs]);
    room -= jobs.length;
    if (room === 0) break;
  }
  return asked;
}
