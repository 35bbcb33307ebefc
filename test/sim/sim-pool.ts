/** The threads of one queue in simulated time. */

import type { Death, Pool, PoolListener } from "../../src/dispatch/pool.js";
import type { HostApi } from "../../src/protocol/host-api.js";
import { deferred } from "../../src/waiting.js";
import { listenerWith } from "../pool-listener.js";
import type { QueuePlan } from "./plan.js";
import { SimThread } from "./sim-thread.js";
import type { World } from "./world.js";

const BOOT_TIMEOUT_MS = 30_000;
const FIRST_BOOT_DELAY_MS = 1_000;
const LONGEST_BOOT_DELAY_MS = 60_000;

export interface SimPoolDeps extends QueuePlan {
  readonly world: World;
  readonly queue: string;
  readonly host: HostApi;
  /** Changes what the main side hears of a death; for controls. */
  readonly onDeath: (death: Death) => Death;
}

export class SimPool implements Pool {
  readonly threads: number;
  readonly concurrency: number;
  readonly leaked = 0;
  readonly #deps: SimPoolDeps;
  readonly #live = new Set<SimThread>();
  readonly #firstReady = deferred();
  #listener: PoolListener | undefined;
  #failedBoots = 0;
  #isStopped = false;

  constructor(deps: SimPoolDeps) {
    this.#deps = deps;
    this.threads = deps.threads;
    this.concurrency = deps.concurrency;
    // Nobody may be waiting when it rejects.
    this.#firstReady.promise.catch(() => undefined);
  }

  /** Threads that have not ended. */
  get live(): ReadonlySet<SimThread> {
    return this.#live;
  }

  async start(listener: PoolListener): Promise<void> {
    this.#listener = listenerWith(listener, { gone: (lane, death) => listener.gone(lane, this.#deps.onDeath(death)) });
    for (let thread = 0; thread < this.threads; thread += 1) this.#boot(thread);
    await this.#firstReady.promise;
  }

  async stop(): Promise<void> {
    const { world } = this.#deps;
    this.#isStopped = true;
    this.#firstReady.reject(new Error("the pool was stopped while it started"));
    const isIdle = [...this.#live].every((thread) => thread.isIdle);
    for (const thread of this.#live) thread.tellStopped();
    const over = deferred();
    world.time.after(isIdle ? world.threads.between(0, 50) : world.threads.between(1, 2_500), over.resolve);
    await over.promise;
    this.cut();
  }

  unref(): void {
    // Nothing here keeps the process alive.
  }

  /** Ends at once, together with its process. */
  cut(): void {
    this.#isStopped = true;
    for (const thread of this.#live) thread.close();
    this.#live.clear();
  }

  #boot(thread: number): void {
    const { world } = this.#deps;
    if (this.#isStopped) return;
    if (world.strikes("bootHang")) {
      world.note("bootHang");
      world.time.after(BOOT_TIMEOUT_MS, () => this.#bootFailed(thread));
    } else if (world.strikes("bootFailure", Math.max(0.1, world.plan.threadRate))) {
      world.note("bootFailure");
      world.time.after(world.threads.between(10, 100), () => this.#bootFailed(thread));
    } else {
      world.time.after(world.threads.between(20, 200), () => void this.#bootNow(thread));
    }
  }

  async #bootNow(thread: number): Promise<void> {
    const { world, queue, concurrency, timeoutMs, host } = this.#deps;
    const listener = this.#listener;
    if (this.#isStopped || listener === undefined) return;
    const onGone = (): void => {
      this.#live.delete(simThread);
      this.#boot(thread);
    };
    const simThread: SimThread = new SimThread({ world, queue, thread, concurrency, timeoutMs, host, listener, onGone });
    this.#live.add(simThread);
    await simThread.boot();
    const { lane } = simThread;
    if (lane === undefined) return;
    this.#failedBoots = 0;
    this.#firstReady.resolve();
    listener.ready(lane);
    if (world.strikes("dieOutside")) world.time.after(world.threads.between(1, 5_000), () => this.#dieOutside(simThread));
  }

  #dieOutside(thread: SimThread): void {
    if (!this.#live.has(thread) || this.#isStopped) return;
    this.#deps.world.note("dieOutside");
    thread.die(134);
  }

  #bootFailed(thread: number): void {
    const { world, queue } = this.#deps;
    if (this.#isStopped) return;
    const error = new Error(`no thread of ${queue} can boot`);
    this.#firstReady.reject(error);
    this.#listener?.bootFailed(error);
    const delayMs = Math.min(FIRST_BOOT_DELAY_MS * 2 ** this.#failedBoots, LONGEST_BOOT_DELAY_MS) * world.threads.between(0.5, 1);
    this.#failedBoots += 1;
    world.time.after(delayMs, () => this.#boot(thread));
  }
}
