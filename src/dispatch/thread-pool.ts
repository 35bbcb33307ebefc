/**
 * The threads of one queue, as a Piscina pool: Piscina starts, replaces and kills threads; jobs travel on each lane's own
 * port. The only file that imports Piscina.
 */

import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { Piscina } from "piscina";
import type { Clock } from "../clock.js";
import type { HostApi } from "../protocol/host-api.js";
import { BootBackoff } from "./boot-backoff.js";
import { bootError } from "./boot-error.js";
import type { Pool, PoolListener } from "./pool.js";
import { PoolThread, type ThreadEnd } from "./pool-thread.js";
import { EngineStoppedError, OptionsError } from "../errors.js";
import { deferred, settledWithin } from "../waiting.js";

export interface ThreadPoolOptions {
  /** A `file:` URL. */
  readonly jobsUrl: string;
  readonly queue: string;
  readonly threads: number;
  readonly concurrency: number;
  readonly maxPayload: number;
  readonly maxResult: number;
  readonly bootTimeoutMs: number;
  /** How long a thread may take to dispose of its state. */
  readonly disposeTimeoutMs: number;
  readonly resourceLimits: ResourceLimits | null;
  readonly execArgv: readonly string[] | null;
  readonly env: Readonly<Record<string, string>> | null;
  readonly host: HostApi;
  readonly clock: Clock;
}

/** Limits of V8 for one thread, as `node:worker_threads` has them. */
export interface ResourceLimits {
  readonly maxOldGenerationSizeMb?: number;
  readonly maxYoungGenerationSizeMb?: number;
  readonly codeRangeSizeMb?: number;
  readonly stackSizeMb?: number;
}

/** Beyond this, a thread that is held by native code is left behind. */
const DESTROY_TIMEOUT_MS = 2_000;

export class ThreadPool implements Pool {
  readonly threads: number;
  readonly concurrency: number;
  readonly #options: ThreadPoolOptions;
  #piscina: Piscina | undefined;
  #listener: PoolListener | undefined;
  readonly #live = new Set<PoolThread>();
  readonly #backoff: BootBackoff;
  #isStopping = false;
  #stopped: Promise<void> | undefined;
  #isHeld = true;
  readonly #firstReady = deferred();

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
    this.threads = options.threads;
    this.concurrency = options.concurrency;
    this.#backoff = new BootBackoff(options.clock);
    // Nobody may be waiting when it rejects.
    this.#firstReady.promise.catch(() => undefined);
  }

  async start(listener: PoolListener): Promise<void> {
    const { threads, resourceLimits, execArgv, env } = this.#options;
    this.#listener = listener;
    this.#piscina = newPiscina({
      filename: new URL("../../workers/entry.js", import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: 1,
      idleTimeout: Infinity,
      // A lane must hear its port, timers and sockets while no task runs.
      atomics: "disabled",
      recordTiming: false,
      // Each thread has one lane for life, also after the lane's task has ended for a rest.
      loadBalancer: (_task, workers) => workers.find((worker) => worker.currentUsage === 0 && !this.#isTaken(worker.id)) ?? null,
      ...(resourceLimits === null ? {} : { resourceLimits }),
      ...(execArgv === null ? {} : { execArgv: [...execArgv] }),
      ...(env === null ? {} : { env: { ...env } }),
    });
    // Deaths are noticed by each thread's own exit; without a listener this event would end the process.
    this.#piscina.on("error", () => undefined);
    for (let thread = 0; thread < threads; thread += 1) this.#boot(thread);
    await this.#firstReady.promise;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    this.#firstReady.reject(new EngineStoppedError("the engine was stopped while it started"));
    this.#backoff.stop();
    const { clock, disposeTimeoutMs } = this.#options;
    const threads = [...this.#live];
    await Promise.all(threads.map((thread) => thread.end(disposeTimeoutMs)));
    const destroyed = settledWithin(this.#piscina?.destroy() ?? Promise.resolve(), { ms: DESTROY_TIMEOUT_MS, clock });
    // Piscina forgets a thread as soon as it is told to end it, and does not wait for its exit.
    await Promise.all([destroyed, ...threads.map((thread) => thread.gone)]);
  }

  unref(): void {
    this.#isHeld = false;
    for (const thread of this.#live) thread.unref();
  }

  #isTaken(threadId: number): boolean {
    for (const thread of this.#live) if (thread.threadId === threadId) return true;
    return false;
  }

  #boot(thread: number): void {
    const piscina = this.#piscina;
    const listener = this.#listener;
    if (this.#isStopping || piscina === undefined || listener === undefined) return;
    const poolThread = new PoolThread({
      ...this.#options,
      thread,
      listener,
      run: (task, options) => piscina.run(task, options) as Promise<void>,
      findWorker: (threadId): Worker | undefined => piscina.threads.find((worker) => worker.threadId === threadId),
      onReady: () => {
        this.#backoff.succeeded();
        this.#firstReady.resolve();
      },
      onEnd: (end) => this.#onEnd(poolThread, end),
    });
    this.#live.add(poolThread);
    poolThread.boot();
    if (!this.#isHeld) poolThread.unref();
  }

  #onEnd(poolThread: PoolThread, end: ThreadEnd): void {
    this.#live.delete(poolThread);
    if (this.#isStopping) return;
    if (end.wasReady) {
      this.#boot(poolThread.thread);
      return;
    }
    const { jobsUrl, queue } = this.#options;
    const error = bootError({ file: fileURLToPath(jobsUrl), queue }, end.error);
    this.#firstReady.reject(error);
    this.#listener?.bootFailed(error);
    this.#backoff.later(() => this.#boot(poolThread.thread));
  }
}

/** @throws OptionsError if Node refuses the options of the threads */
function newPiscina(options: ConstructorParameters<typeof Piscina>[0]): Piscina {
  try {
    return new Piscina(options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OptionsError(`no thread can be started with these execArgv, env and resourceLimits: ${reason}`);
  }
}
