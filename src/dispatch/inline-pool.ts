/**
 * A pool without threads: jobs run in this very process, on its event loop. For tests and debuggers; the same loop that runs in
 * a thread, joined to the same lane without a port. What blocks here blocks the process, and nothing can be killed.
 */

import { type BootedLane, bootLane } from "../../workers/boot.js";
import { toRegistry } from "../../workers/registry.js";
import type { Clock } from "../clock.js";
import type { Jobs } from "../job/define-job.js";
import { ControlBlock } from "../protocol/control-block.js";
import type { HostApi } from "../protocol/host-api.js";
import type { FromThread, ToThread } from "../protocol/messages.js";
import { bootError } from "./boot-error.js";
import { FrameLane } from "./lane.js";
import type { Pool, PoolListener } from "./pool.js";

export interface InlinePoolOptions {
  readonly queue: string;
  readonly threads: number;
  readonly concurrency: number;
  readonly maxPayload: number;
  readonly maxResult: number;
  readonly loadJobs: () => Promise<Jobs>;
  readonly host: HostApi;
  readonly clock: Clock;
}

/** One lane: where its messages go, and whether it is still heard. */
interface InlineThread {
  readonly booted: BootedLane;
  readonly lane: FrameLane;
  isGone: boolean;
}

export class InlinePool implements Pool {
  readonly threads: number;
  readonly concurrency: number;
  readonly leaked = 0;
  readonly #options: InlinePoolOptions;
  readonly #live = new Set<InlineThread>();
  #listener: PoolListener | undefined;
  #isStopped = false;

  constructor(options: InlinePoolOptions) {
    this.#options = options;
    this.threads = options.threads;
    this.concurrency = options.concurrency;
  }

  async start(listener: PoolListener): Promise<void> {
    this.#listener = listener;
    for (let thread = 0; thread < this.threads; thread += 1) await this.#boot(thread);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const thread of this.#live) {
      thread.isGone = true;
      await thread.booted.dispose();
    }
    this.#live.clear();
  }

  unref(): void {
    // Nothing here keeps the process alive.
  }

  async #boot(number: number): Promise<void> {
    const listener = this.#listener;
    if (listener === undefined || this.#isStopped) return;
    const control = new ControlBlock();
    let thread: InlineThread | undefined;
    const post = (message: FromThread): void => {
      queueMicrotask(() => {
        const isRunning = message.kind === "answer" || message.kind === "progress" || message.kind === "log";
        if (isRunning && thread?.isGone === false) thread.lane.receive(message);
      });
    };
    try {
      const booted = await this.#bootLane(number, { control, post });
      const carrier = {
        post: (message: ToThread): void => deliver(message, booted),
        end: (): void => this.#end(thread, "ended"),
        kill: (): void => this.#end(thread, "killed"),
        busy: (): void => undefined,
      };
      thread = { booted, lane: new FrameLane({ thread: number, names: booted.names, control, carrier, listener }), isGone: false };
    } catch (cause) {
      const error = bootError({ file: "the inline jobs", queue: this.#options.queue }, cause);
      listener.bootFailed(error);
      throw error;
    }
    this.#live.add(thread);
    listener.ready(thread.lane);
  }

  async #bootLane(thread: number, link: { readonly control: ControlBlock; readonly post: (message: FromThread) => void }): Promise<BootedLane> {
    const { queue, concurrency, maxPayload, maxResult, loadJobs, host, clock } = this.#options;
    const registry = toRegistry(await loadJobs());
    return bootLane(
      { queue, thread, concurrency, maxPayload, maxResult, measuresHeap: false, maxHeapPerThread: null },
      { ...link, clock, store: (request) => host.enqueue(request), registry },
    );
  }

  /** What runs there goes on, but nobody listens to it any more. */
  #end(thread: InlineThread | undefined, cause: "ended" | "killed"): void {
    if (thread === undefined || thread.isGone) return;
    thread.isGone = true;
    this.#live.delete(thread);
    if (cause === "ended") void thread.booted.dispose();
    this.#listener?.gone(thread.lane, { cause, exitCode: null, error: null, stuckAt: null, heap: null, ...thread.lane.remains() });
    this.#boot(thread.lane.thread).catch(() => undefined);
  }
}

function deliver(message: ToThread, { loop }: BootedLane): void {
  if (message.kind === "frame") queueMicrotask(() => loop.receiveFrame(message.jobs));
  if (message.kind === "stop-asked") loop.passStopOn(message.slots);
}
