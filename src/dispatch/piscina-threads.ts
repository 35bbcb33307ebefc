/**
 * Gives each lane a thread for it alone, from Piscina, which starts threads and ends them. The only file that imports Piscina.
 *
 * Once a thread has failed before it could load anything, a Piscina may never start another one. So it is given up then: what
 * lives in it lives on, and the next lanes come from a new one. Lanes beyond the usual number, of threads that are replaced before
 * their end, come from another one as well; it, or the one that it has replaced, is destroyed when it is not needed any more.
 */

import { Piscina, queueOptionsSymbol } from "piscina";
import type { Transferable, Worker } from "node:worker_threads";
import { OptionsError } from "../errors.js";
import type { LaneTask } from "../protocol/messages.js";
import type { ResourceLimits } from "./thread-pool.js";

/** A lane that wants a thread. */
export interface ThreadOrder {
  readonly task: LaneTask;
  readonly transferList: readonly Transferable[];
  /** Ends the thread. */
  readonly signal: AbortSignal;
  /** It has a thread, which is about to be given the task. Nobody else gets this thread, ever. */
  onPlaced(worker: Worker): void;
  /** The task ended with an error, or no thread can be started for it. A thread that it has may be alive. */
  onFailed(error: unknown): void;
}

export interface PiscinaThreadsOptions {
  readonly threads: number;
  readonly resourceLimits: ResourceLimits | null;
  readonly execArgv: readonly string[] | null;
  readonly env: Readonly<Record<string, string>> | null;
}

export class PiscinaThreads {
  readonly #options: PiscinaThreadsOptions;
  readonly #pools = new Set<OnePiscina>();
  /** The last one was given up: the next may have to be as well, so it is a small one. */
  #isInDoubt = false;

  constructor(options: PiscinaThreadsOptions) {
    this.#options = options;
  }

  /** @throws OptionsError if Node refuses the options of the threads */
  run(order: ThreadOrder): void {
    for (const pool of this.#pools) if (pool.hasRoom) return pool.run(order);
    this.#newPool().run(order);
  }

  /** The thread has loaded what is ours. */
  heard(worker: Worker): void {
    this.#isInDoubt = false;
    for (const pool of this.#pools) pool.heard(worker);
  }

  /** Ends what there is. Does not resolve while a thread is held by native code. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#pools].map((pool) => pool.destroy()));
  }

  #newPool(): OnePiscina {
    let held = 0;
    for (const pool of this.#pools) held += pool.taken;
    const size = this.#isInDoubt ? 1 : Math.max(this.#options.threads - held, 1);
    const pool: OnePiscina = new OnePiscina(this.#options, {
      size,
      onGivenUp: () => {
        this.#isInDoubt = true;
      },
      isNeeded: () => {
        let others = -pool.size;
        for (const { size: each } of this.#pools) others += each;
        return others < this.#options.threads;
      },
      onDestroyed: () => void this.#pools.delete(pool),
    });
    this.#pools.add(pool);
    return pool;
  }
}

interface OnePiscinaPlan {
  readonly size: number;
  readonly onGivenUp: () => void;
  /** The others are too few for the usual number of lanes. */
  readonly isNeeded: () => boolean;
  readonly onDestroyed: () => void;
}

class OnePiscina {
  readonly #plan: OnePiscinaPlan;
  readonly #piscina: Piscina;
  /** Threads that have a lane, until they exit; those of them that have loaded what is ours. */
  readonly #lanes = new Set<Worker>();
  readonly #heard = new Set<Worker>();
  /** Orders that have no thread yet. */
  readonly #waiting = new Set<ThreadOrder>();
  readonly #watched = new WeakSet<Worker>();
  #isGivenUp = false;
  /** Why it was given up. */
  #reason: unknown = null;
  #isDestroyed = false;

  constructor({ resourceLimits, execArgv, env }: PiscinaThreadsOptions, plan: OnePiscinaPlan) {
    this.#plan = plan;
    this.#piscina = newPiscina({
      filename: new URL("../../workers/thread.cjs", import.meta.url).href,
      minThreads: plan.size,
      maxThreads: plan.size,
      concurrentTasksPerWorker: 1,
      idleTimeout: Infinity,
      // A lane must hear its port, timers and sockets while no task runs.
      atomics: "disabled",
      recordTiming: false,
      loadBalancer: (task, workers) => {
        const order = task[queueOptionsSymbol] as ThreadOrder;
        return workers.find((worker) => worker.currentUsage === 0 && this.#place(order, worker.id)) ?? null;
      },
      ...(resourceLimits === null ? {} : { resourceLimits }),
      ...(execArgv === null ? {} : { execArgv: [...execArgv] }),
      ...(env === null ? {} : { env: { ...env } }),
    });
    // Read each time a thread has ended: another is started when it is ordered, lest it replace the last ones and be ended at once.
    this.#piscina.options.minThreads = 0;
    // Deaths are noticed by each thread's own exit; without a listener this event would end the process.
    this.#piscina.on("error", () => undefined);
    this.#watchNew();
  }

  /** How many lanes it can have. */
  get size(): number {
    return this.#isGivenUp ? this.#heard.size : this.#plan.size;
  }

  get hasRoom(): boolean {
    return !this.#isGivenUp && this.taken + this.#waiting.size < this.#plan.size;
  }

  /** How many of its threads have a lane. Those that were ended do not count, also if they are still held by native code. */
  get taken(): number {
    return this.#piscina.threads.filter((worker) => this.#lanes.has(worker)).length;
  }

  run(order: ThreadOrder): void {
    this.#waiting.add(order);
    const { task, transferList, signal } = order;
    const ended = this.#piscina.run({ ...task, [queueOptionsSymbol]: order }, { transferList: [...transferList], signal });
    ended.catch((error: unknown) => {
      this.#waiting.delete(order);
      // Of one that was given up, Piscina only says that it ended what was left.
      order.onFailed(this.#isDestroyed ? (this.#reason ?? error) : error);
    });
    this.#watchNew();
  }

  heard(worker: Worker): void {
    if (this.#lanes.has(worker)) this.#heard.add(worker);
  }

  async destroy(): Promise<void> {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#plan.onDestroyed();
    await this.#piscina.destroy();
  }

  /** Each thread has one lane for life, also after the lane's task has ended for a rest. */
  #place(order: ThreadOrder, threadId: number): boolean {
    const worker = this.#piscina.threads.find((each) => each.threadId === threadId);
    if (worker === undefined || this.#lanes.has(worker)) return false;
    this.#lanes.add(worker);
    this.#waiting.delete(order);
    order.onPlaced(worker);
    return true;
  }

  /** Piscina tells nobody when it starts a thread, but it does so only for a cause that is known here. */
  #watchNew(): void {
    for (const worker of this.#piscina.threads) {
      if (this.#watched.has(worker)) continue;
      this.#watched.add(worker);
      let error: unknown = null;
      worker.on("error", (thrown) => {
        error = thrown;
      });
      worker.on("exit", (code) => {
        error ??= new Error(`a thread exited with code ${code} before it had loaded anything`);
        // After the lane's own listener, which may find that the thread had been heard of.
        queueMicrotask(() => this.#onExit(worker, error));
      });
    }
  }

  #onExit(worker: Worker, error: unknown): void {
    this.#lanes.delete(worker);
    const wasSound = this.#heard.delete(worker);
    if (this.#isDestroyed) return;
    if (!wasSound) this.#giveUp(error);
    const isEmpty = this.#lanes.size === 0 && this.#waiting.size === 0;
    if ((this.#isGivenUp && this.#heard.size === 0) || (isEmpty && !this.#plan.isNeeded())) void this.destroy();
  }

  #giveUp(error: unknown): void {
    this.#isGivenUp = true;
    this.#reason ??= error;
    this.#plan.onGivenUp();
    for (const order of this.#waiting) order.onFailed(error);
    this.#waiting.clear();
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
