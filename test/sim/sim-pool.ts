/** The threads of one queue in simulated time. */

import type { Pool, PoolListener } from "../../src/dispatch/pool.js";
import { Succession } from "../../src/dispatch/succession.js";
import type { HostApi } from "../../src/protocol/host-api.js";
import { deferred } from "../../src/waiting.js";
import type { Control } from "./controls.js";
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
  readonly control: Pick<Control, "listener" | "spares">;
}

export class SimPool implements Pool {
  readonly threads: number;
  readonly concurrency: number;
  readonly #deps: SimPoolDeps;
  readonly #live = new Set<SimThread>();
  readonly #leaked = new Set<SimThread>();
  readonly #succession: Succession<SimThread>;
  readonly #firstReady = deferred();
  #listener: PoolListener | undefined;
  #failedBoots = 0;
  #isStopped = false;

  constructor(deps: SimPoolDeps) {
    this.#deps = deps;
    this.threads = deps.threads;
    this.concurrency = deps.concurrency;
    const replace = (thread: SimThread): void => {
      deps.world.note("threads replaced before their end");
      this.#boot(thread.number);
    };
    this.#succession = new Succession({ threads: deps.threads, replace });
    // Nobody may be waiting when it rejects.
    this.#firstReady.promise.catch(() => undefined);
  }

  get leaked(): number {
    return this.#leaked.size;
  }

  /** Threads that have not ended. */
  get live(): ReadonlySet<SimThread> {
    return this.#live;
  }

  async start(listener: PoolListener): Promise<void> {
    this.#listener = this.#deps.control.listener(listener);
    for (let thread = 0; thread < this.threads; thread += 1) this.#boot(thread);
    await this.#firstReady.promise;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#firstReady.reject(new Error("the pool was stopped while it started"));
    for (const thread of this.#live) thread.tellStopped();
    await Promise.all([...this.#live].map((thread) => thread.end()));
    this.cut();
  }

  unref(): void {
    // Nothing here keeps the process alive.
  }

  /** Ends at once, together with its process. */
  cut(): void {
    this.#isStopped = true;
    for (const thread of this.#live) thread.close();
    for (const thread of this.#leaked) thread.close();
    this.#live.clear();
    this.#leaked.clear();
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
    const { world, queue, concurrency, timeoutMs, maxJobs, host, control } = this.#deps;
    const listener = this.#listener;
    if (this.#isStopped || listener === undefined) return;
    const onGone = (_thread: SimThread, isLeaked: boolean): void => {
      this.#live.delete(simThread);
      if (isLeaked) this.#leaked.add(simThread);
      if (isLeaked) world.note("threads left behind");
      if (this.#succession.ended(simThread)) this.#boot(thread);
    };
    const onFreed = (): void => void this.#leaked.delete(simThread);
    const onRetired = (): void => this.#succession.retired(simThread);
    const { spares } = control;
    const simThread: SimThread = new SimThread({ world, queue, thread, concurrency, timeoutMs, maxJobs, host, listener, spares, onRetired, onGone, onFreed });
    this.#live.add(simThread);
    await simThread.boot();
    const { lane } = simThread;
    if (lane === undefined || this.#isStopped) return;
    this.#failedBoots = 0;
    this.#firstReady.resolve();
    listener.ready(lane);
    misbehave(simThread);
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

/** What goes wrong in a thread, with its state or from outside, whatever jobs run there. */
function misbehave(thread: SimThread): void {
  const { world, body } = thread;
  const sometime = (fault: string, happen: () => void): void => {
    if (!world.strikes(fault)) return;
    const at = world.threads.between(1, world.threads.pick([20, 1_000, 5_000]));
    body.later(at, () => {
      if (world.isCalm) return;
      world.note(fault);
      happen();
    });
  };
  sometime("dieOutside", () => thread.exit({ code: 134, by: "nobody", isTold: world.threads.chance(0.5) }));
  sometime("strayNobody", () => thread.stray("nobody"));
  sometime("heapHigh", () => thread.post({ kind: "heap-high" }));
  sometime("blockNobody", () => void body.block(world.threads.between(1, 3_000), "nobody"));
}
