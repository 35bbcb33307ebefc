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
import type { FromThread, LanePlace, ToThread } from "../protocol/messages.js";
import { EngineStoppedError } from "../errors.js";
import { deferred, settledWithin } from "../waiting.js";
import { bootError } from "./boot-error.js";
import { BootGate } from "./boot-gate.js";
import { FrameLane, type Remains } from "./lane.js";
import type { DeathCause, Pool, PoolListener } from "./pool.js";
import { Succession } from "./succession.js";

export interface InlinePoolOptions extends Pick<LanePlace, "maxPayload" | "maxResult" | "movesResults"> {
  readonly queue: string;
  readonly threads: number;
  readonly concurrency: number;
  /** How long a lane may take to dispose of its state. */
  readonly disposeTimeoutMs: number;
  readonly loadJobs: () => Promise<Jobs>;
  readonly host: HostApi;
  readonly clock: Clock;
}

/** One lane: where its messages go, and whether it is still heard. */
interface InlineThread {
  readonly booted: BootedLane;
  readonly lane: FrameLane;
  isGone: boolean;
  disposed?: Promise<unknown>;
}

export class InlinePool implements Pool {
  readonly threads: number;
  readonly concurrency: number;
  readonly leaked = 0;
  readonly #options: InlinePoolOptions;
  readonly #live = new Set<InlineThread>();
  readonly #gate: BootGate;
  readonly #succession: Succession<InlineThread>;
  /** Given by `start`. */
  #listener!: PoolListener;
  #isStopping = false;
  #stopped: Promise<void> | undefined;
  readonly #firstReady = deferred();

  constructor(options: InlinePoolOptions) {
    this.#options = options;
    this.threads = options.threads;
    this.concurrency = options.concurrency;
    this.#gate = new BootGate({ clock: options.clock, boot: (thread) => void this.#boot(thread) });
    this.#succession = new Succession({ threads: options.threads, replace: ({ lane }) => this.#gate.want(lane.thread) });
    // Nobody may be waiting when it rejects.
    this.#firstReady.promise.catch(() => undefined);
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
    const threads = [...this.#live];
    this.#live.clear();
    await Promise.all(threads.map((thread) => this.#endAtStop(thread)));
  }

  unref(): void {
    // Nothing here keeps the process alive.
  }

  async #boot(number: number): Promise<void> {
    const control = new ControlBlock();
    const heard: { thread?: InlineThread } = {};
    const post = (message: FromThread): void => {
      queueMicrotask(() => {
        const isRunning = message.kind === "answer" || message.kind === "answers" || message.kind === "progress" || message.kind === "log";
        if (isRunning && heard.thread?.isGone === false) heard.thread.lane.receive(message);
      });
    };
    await this.#bootLane(number, { control, post }).then(
      (booted) => {
        heard.thread = this.#newThread(number, { booted, control });
        return this.#onBooted(heard.thread);
      },
      (cause: unknown) => this.#onBootFailed(number, cause),
    );
  }

  #newThread(number: number, { booted, control }: { readonly booted: BootedLane; readonly control: ControlBlock }): InlineThread {
    const carrier = {
      post: (message: ToThread): void => deliver(message, booted),
      retire: (): void => this.#succession.retired(thread),
      end: (): void => void this.#end(thread),
      kill: (): void => this.#kill(thread),
      busy: (): void => undefined,
    };
    const lane = new FrameLane({ thread: number, names: booted.names, control, carrier, listener: this.#listener });
    const thread: InlineThread = { booted, lane, isGone: false };
    return thread;
  }

  async #onBooted(thread: InlineThread): Promise<void> {
    if (this.#isStopping) return this.#endAtStop(thread);
    this.#live.add(thread);
    this.#gate.ready(thread.lane.thread);
    this.#firstReady.resolve();
    this.#listener.ready(thread.lane);
  }

  #onBootFailed(number: number, cause: unknown): void {
    if (this.#isStopping) return;
    const error = bootError({ file: "the inline jobs", queue: this.#options.queue }, cause);
    this.#firstReady.reject(error);
    this.#gate.failed(number, "boot");
    this.#listener.bootFailed(error);
  }

  async #bootLane(thread: number, link: { readonly control: ControlBlock; readonly post: (message: FromThread) => void }): Promise<BootedLane> {
    const { queue, concurrency, maxPayload, maxResult, movesResults, loadJobs, host, clock } = this.#options;
    const registry = toRegistry(await loadJobs());
    return bootLane(
      { queue, thread, concurrency, maxPayload, maxResult, movesResults, measuresHeap: false, maxHeapPerThread: null },
      { ...link, clock, store: (request) => host.enqueue(request), registry },
    );
  }

  /** What runs there goes on. */
  #kill(thread: InlineThread): void {
    if (thread.isGone) return;
    this.#tellGone(thread, { cause: "killed", remains: cutOff(thread) });
  }

  async #end(thread: InlineThread): Promise<void> {
    if (thread.isGone) return;
    const remains = cutOff(thread);
    await this.#dispose(thread);
    if (!this.#isStopping) this.#tellGone(thread, { cause: "ended", remains });
  }

  async #endAtStop(thread: InlineThread): Promise<void> {
    const isBusy = !thread.isGone && cutOff(thread).started.length > 0;
    // Code that goes on still needs its state.
    if (!isBusy) await this.#dispose(thread);
  }

  #tellGone(thread: InlineThread, { cause, remains }: { readonly cause: DeathCause; readonly remains: Remains }): void {
    const { lane } = thread;
    const { heapUsed: _, ...death } = remains;
    this.#live.delete(thread);
    this.#listener.gone(lane, { ...death, cause, exitCode: null, error: null, stuckAt: null, heap: null });
    if (this.#succession.ended(thread)) this.#gate.want(lane.thread);
  }

  async #dispose(thread: InlineThread): Promise<void> {
    const { disposeTimeoutMs, clock } = this.#options;
    thread.disposed ??= settledWithin(thread.booted.dispose(), { ms: disposeTimeoutMs, clock });
    await thread.disposed;
  }
}

/** Nobody listens to it from now on, and what has not started there will not: it is somebody else's to run. */
function cutOff(thread: InlineThread): Remains {
  thread.isGone = true;
  const remains = thread.lane.remains();
  thread.lane.takeBack(remains.unstarted);
  return remains;
}

function deliver(message: ToThread, { loop }: BootedLane): void {
  if (message.kind === "frame") queueMicrotask(() => loop.receiveFrame(message.frame));
  if (message.kind === "stop-asked") loop.passStopOn(message.slot);
}
