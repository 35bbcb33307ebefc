/** The queues that have threads: each with its pool and its dispatcher, from the start or its first job on. */

import { runListener } from "./announce.js";
import type { Clock } from "./clock.js";
import { type Config, queueConfig, type QueueConfig, startQueues } from "./config.js";
import type { Settlement } from "./dispatch/completer.js";
import { Dispatcher } from "./dispatch/dispatcher.js";
import type { Pool } from "./dispatch/pool.js";
import type { Events } from "./events.js";
import type { ClaimedJob, JobId, JobRow } from "./job/job-record.js";
import type { Storage } from "./storage/storage.js";

export interface QueueRunsDeps {
  readonly config: Config;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly events: Events;
  /** In whose name jobs are claimed. */
  readonly name: string;
  readonly createPool: (queue: string, config: QueueConfig) => Pool;
  readonly settle: (settlement: Settlement) => void;
  /** Jobs that have ended and are not stored as such yet. */
  readonly unsettled: () => readonly ClaimedJob[];
  readonly onReclaimed: (rows: readonly JobRow[]) => void;
  /** The wall clock was set back. */
  readonly onClockBack: () => void;
  /** A queue has told the names of its jobs. */
  readonly onNames: () => void;
}

const MANY_UNNAMED = 8;

interface QueueRun {
  readonly dispatcher: Dispatcher;
  readonly pool: Pool;
  /** Why its threads cannot be started. */
  error: Error | null;
}

export class QueueRuns {
  readonly #deps: QueueRunsDeps;
  readonly #runs = new Map<string, QueueRun>();
  /** Names that no thread knows, told once each. */
  readonly #warnedOf = new Set<string>();
  /** Queues that have threads, though nobody has configured them. */
  #unnamed = 0;
  #isHeld = true;

  constructor(deps: QueueRunsDeps) {
    this.#deps = deps;
  }

  has(queue: string): boolean {
    return this.#runs.has(queue);
  }

  /** Gives a queue its threads. Resolves when one is ready; rejects when one cannot be started, but goes on trying. */
  async open(queue: string): Promise<void> {
    const { config, createPool, clock, storage, name, unsettled, onClockBack } = this.#deps;
    const settings = queueConfig(config, queue);
    const pool = createPool(queue, settings);
    const run: QueueRun = {
      pool,
      error: null,
      dispatcher: new Dispatcher({
        ...{ queue, runner: name, pool, storage, clock, unsettled, onClockBack },
        ...{ timeoutMs: settings.timeoutMs, graceMs: config.graceMs, maxJobsPerThread: settings.maxJobsPerThread },
        listener: runListener({
          ...{ queue, events: this.#deps.events, settle: this.#deps.settle, onReclaimed: this.#deps.onReclaimed },
          onHealth: (error) => {
            run.error = error;
            if (error === null) this.#deps.onNames();
          },
        }),
      }),
    };
    this.#runs.set(queue, run);
    this.#warnOfUnnamed(queue);
    if (settings.threads === 0) return;
    const ready = pool.start(run.dispatcher);
    if (!this.#isHeld) pool.unref();
    await ready;
  }

  wake(queues: Iterable<string>): void {
    for (const queue of queues) this.#runs.get(queue)?.dispatcher.wake();
  }

  wakeAll(): void {
    this.wake(this.#runs.keys());
  }

  /** Claims may have been made that nobody told us of. */
  doubtClaims(): void {
    for (const { dispatcher } of this.#runs.values()) dispatcher.doubtClaims();
  }

  cancel(id: JobId): void {
    for (const { dispatcher } of this.#runs.values()) dispatcher.cancel(id);
  }

  progress(id: JobId): number | null {
    for (const { dispatcher } of this.#runs.values()) {
      const progress = dispatcher.progress(id);
      if (progress !== null) return progress;
    }
    return null;
  }

  health(queue: string): { readonly threads: number; readonly healthy: boolean; readonly problem: string | null; readonly leakedThreads: number } {
    const run = this.#runs.get(queue);
    const problem = run?.error?.message ?? null;
    return { threads: run?.dispatcher.threads ?? 0, healthy: problem === null, problem, leakedThreads: run?.pool.leaked ?? 0 };
  }

  /** The jobs that the threads of a queue can run; `undefined` while no thread has told, `null` if it has no threads. */
  names(queue: string): readonly string[] | undefined | null {
    const run = this.#runs.get(queue);
    if (run === undefined || run.pool.threads === 0) return null;
    return run.dispatcher.names.length === 0 ? undefined : run.dispatcher.names;
  }

  /** Says so once of each name that no thread of its queue knows: such a job waits. */
  warnOfUnknown(jobs: readonly { readonly queue: string; readonly name: string }[]): void {
    for (const { queue, name } of jobs) {
      const known = this.names(queue);
      if (known === undefined || known === null || known.includes(name) || this.#warnedOf.has(name)) continue;
      this.#warnedOf.add(name);
      process.emitWarning(`no thread of queue "${queue}" knows a job named "${name}": it waits until one does`, "MillraceWarning");
    }
  }

  /** Says so once: whoever makes up names of queues, one for each customer, does not expect as many threads. */
  #warnOfUnnamed(queue: string): void {
    const named = startQueues(this.#deps.config);
    if (named.includes(queue)) return;
    this.#unnamed += 1;
    if (this.#unnamed !== MANY_UNNAMED) return;
    const message = `${MANY_UNNAMED} queues that createEngine was not told of have threads of their own, "${queue}" is the latest: they stay until the engine is stopped`;
    process.emitWarning(message, "MillraceWarning");
  }

  /** Claims no more. Resolves when nothing runs any more. */
  async close(): Promise<void> {
    await Promise.all([...this.#runs.values()].map(({ dispatcher }) => dispatcher.close()));
  }

  /** Gives back what still runs, and ends all threads. */
  async end(): Promise<void> {
    const runs = [...this.#runs.values()];
    for (const { dispatcher } of runs) dispatcher.abandon();
    await Promise.all(runs.map(({ pool }) => pool.stop()));
  }

  unref(): void {
    this.#isHeld = false;
    for (const { pool } of this.#runs.values()) pool.unref();
  }
}
