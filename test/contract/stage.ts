/** What a check plays on: engines that are stopped when it is over, whatever came of it. */

import { createEngine } from "millrace";
import type { EngineOptions as RealOptions, Engine as RealEngine } from "millrace";
import type { Clock } from "../../src/clock.js";
import type { Engine } from "../../src/engine.js";
import type { JobId, JobRow } from "../../src/job/job-record.js";
import { defineJobs, type Job } from "../../src/job/define-job.js";
import type { StateContext } from "../../src/job/job-context.js";
import type { Storage } from "../../src/storage/storage.js";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.js";
import { createTestEngine, type TestEngineOptions } from "../../src/testing/test-engine.js";
import { deferred } from "../../src/waiting.js";

export interface StageOptions extends Omit<TestEngineOptions, "jobs"> {
  readonly jobs: readonly Job[];
  readonly state?: (context: StateContext) => unknown;
  /** Default: one queue `default` with one thread. */
  readonly queues?: NonNullable<TestEngineOptions["queues"]>;
}

/** Longer than anything that stopping waits for. */
const STOP_MS = 120_000;

export class Stage {
  readonly clock: ManualClock = manualClock();
  readonly #engines: Engine[] = [];
  readonly #real: RealEngine[] = [];

  /** An engine that runs its jobs in this process, by the manual clock unless told otherwise. Not started. */
  engine({ jobs, state, ...options }: StageOptions): Engine {
    const clock: Clock = options.clock ?? this.clock;
    const module = defineJobs({ jobs: jobs as readonly Job<never, unknown, unknown>[], ...(state === undefined ? {} : { state }) });
    const engine = createTestEngine({ queues: { default: { threads: 1 } }, ...options, clock, jobs: module });
    this.#engines.push(engine);
    return engine;
  }

  async started(options: StageOptions): Promise<Engine> {
    const engine = this.engine(options);
    await engine.start();
    return engine;
  }

  /** An engine with real threads that run `fixtures/thread-jobs.js`. Started. */
  async threads(options: Omit<RealOptions, "jobs"> = {}): Promise<RealEngine> {
    const engine = createEngine({ jobs: new URL("./fixtures/thread-jobs.js", import.meta.url), queues: { default: { threads: 1 } }, ...options });
    this.#real.push(engine);
    await engine.start();
    return engine;
  }

  /** Stops an engine without waiting for what runs. */
  async stop(engine: Engine): Promise<void> {
    const stopped = engine.stop({ timeout: 0 });
    await this.clock.advance(STOP_MS);
    await stopped;
  }

  async close(): Promise<void> {
    for (const engine of this.#engines) await this.stop(engine);
    await Promise.all(this.#real.map((engine) => engine.stop({ timeout: 0 })));
  }
}

/** A job that runs until it is let go, and says so when it has begun. */
export interface Gate {
  readonly wait: () => Promise<void>;
  readonly open: () => void;
}

export function gate(): Gate {
  const { promise, resolve } = deferred();
  return { wait: () => promise, open: resolve };
}

/** Resolves once `condition` holds, looking again whenever `on` tells of something. */
export function until(condition: () => boolean, on: (look: () => void) => void): Promise<void> {
  const { promise, resolve } = deferred();
  const look = (): void => {
    if (condition()) resolve();
  };
  on(look);
  look();
  return promise;
}

/** The next event of this kind, or the first that fits. */
export function nextEvent<Event>(
  on: (listener: (event: Event) => void) => () => void,
  fits: (event: Event) => boolean = () => true,
): Promise<Event> {
  const { promise, resolve } = deferred<Event>();
  const off = on((event) => {
    if (!fits(event)) return;
    off();
    resolve(event);
  });
  return promise;
}

/** Resolves when a queue has so many threads; an engine has started when it has one. */
export async function threadsReady(engine: RealEngine, queue: string, count: number): Promise<void> {
  for (;;) {
    const another = nextEvent((on: (event: unknown) => void) => engine.on("thread:started", on));
    if (((await engine.stats()).queues[queue]?.threads ?? 0) >= count) return;
    await another;
  }
}

/** The row of a job, behind the back of the engine. */
export async function rowOf(storage: Storage, id: JobId, clock: Clock): Promise<JobRow> {
  const [row] = await storage.get([id], clock.now());
  if (row === undefined) throw new Error(`job ${id} is not stored`);
  return row;
}

export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}
