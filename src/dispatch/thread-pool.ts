/**
 * The threads of one queue: boots as many as it is to have, and boots another one for each that ends, at once or when the gate
 * lets it.
 */

import { fileURLToPath } from "node:url";
import type { Clock } from "../clock.js";
import type { HostApi } from "../protocol/host-api.js";
import type { LanePlace } from "../protocol/messages.js";
import { EngineStoppedError } from "../errors.js";
import { deferred, settledWithin } from "../waiting.js";
import type { ThreadEnd, ThreadLoss } from "./death.js";
import { bootError, unstableError } from "./boot-error.js";
import { BootGate } from "./boot-gate.js";
import { PiscinaThreads } from "./piscina-threads.js";
import type { Pool, PoolListener } from "./pool.js";
import { PoolThread } from "./pool-thread.js";
import { Succession } from "./succession.js";

export interface ThreadPoolOptions extends Pick<LanePlace, "maxPayload" | "maxResult" | "movesResults"> {
  /** A `file:` URL. */
  readonly jobsUrl: string;
  readonly queue: string;
  readonly threads: number;
  readonly concurrency: number;
  readonly bootTimeoutMs: number;
  /** How long a thread that is to end may take to load its module, or to dispose of its state. */
  readonly disposeTimeoutMs: number;
  readonly resourceLimits: ResourceLimits | null;
  /** What garbage collections may leave of a thread's heap, in bytes; `null`: anything. */
  readonly maxHeapPerThread: number | null;
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
const DESTROY_TIMEOUT_MS = 1_000;

export class ThreadPool implements Pool {
  readonly threads: number;
  readonly concurrency: number;
  readonly #options: ThreadPoolOptions;
  readonly #piscina: PiscinaThreads;
  readonly #gate: BootGate;
  readonly #live = new Set<PoolThread>();
  readonly #leaked = new Set<PoolThread>();
  readonly #succession: Succession<PoolThread>;
  /** Given by `start`. */
  #listener!: PoolListener;
  #isStopping = false;
  #stopped: Promise<void> | undefined;
  #isHeld = true;
  readonly #firstReady = deferred();

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
    this.threads = options.threads;
    this.concurrency = options.concurrency;
    this.#piscina = new PiscinaThreads(options);
    this.#gate = new BootGate({ clock: options.clock, boot: (thread) => this.#boot(thread) });
    this.#succession = new Succession({ threads: options.threads, replace: (thread) => this.#replace(thread.thread, thread.loss()) });
    // Nobody may be waiting when it rejects.
    this.#firstReady.promise.catch(() => undefined);
  }

  get leaked(): number {
    return this.#leaked.size;
  }

  async start(listener: PoolListener): Promise<void> {
    this.#listener = listener;
    for (let thread = 0; thread < this.threads; thread += 1) this.#gate.want(thread);
    await this.#firstReady.promise;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    this.#firstReady.reject(new EngineStoppedError("the engine was stopped while it started"));
    this.#gate.stop();
    await Promise.all([...this.#live].map((thread) => thread.end()));
    await settledWithin(this.#piscina.destroy(), { ms: DESTROY_TIMEOUT_MS, clock: this.#options.clock });
  }

  unref(): void {
    this.#isHeld = false;
    for (const thread of this.#live) thread.unref();
  }

  #boot(number: number): void {
    const thread = new PoolThread({
      ...this.#options,
      thread: number,
      listener: this.#listener,
      order: (order) => this.#piscina.run(order),
      onHello: (worker) => this.#piscina.heard(worker),
      onReady: () => {
        this.#gate.ready(number);
        this.#firstReady.resolve();
      },
      onRetired: () => this.#succession.retired(thread),
      onEnd: (end) => this.#onEnd(thread, end),
      onFreed: () => void this.#leaked.delete(thread),
    });
    this.#live.add(thread);
    thread.boot();
    if (!this.#isHeld) thread.unref();
  }

  #onEnd(thread: PoolThread, end: ThreadEnd): void {
    this.#live.delete(thread);
    if (end.isLeaked) {
      this.#leaked.add(thread);
      this.#listener.leaked(thread.thread);
    }
    if (this.#succession.ended(thread)) this.#replace(thread.thread, end);
  }

  #replace(number: number, { wasReady, error, isDoubtful }: ThreadLoss): void {
    if (this.#isStopping) return;
    if (!isDoubtful) return this.#gate.want(number);
    const { jobsUrl, queue } = this.#options;
    const place = { file: fileURLToPath(jobsUrl), queue };
    const failure = wasReady ? unstableError(place, error) : bootError(place, error);
    this.#gate.failed(number, wasReady ? "end" : "boot");
    // Of a thread that was ready it was told how it ended. That this happens over and over is told as well.
    if (wasReady && this.#gate.failuresInRow < 2) return;
    this.#firstReady.reject(failure);
    this.#listener.bootFailed(failure);
  }
}
