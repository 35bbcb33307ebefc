/**
 * One thread of a pool, from its boot to its end:
 *
 *     booting ── ready ──▶ serving ── told to, or dies ──────────▶ ended ◀── exits after all ──┐
 *        └── jobs module fails, hangs, exits ────────────────────▶ ended ── held by native code ──▶ leaked
 *
 * A thread ends once. What replaces it is a new `PoolThread` with the same number.
 */

import { MessageChannel, receiveMessageOnPort, type Worker } from "node:worker_threads";
import type { Timer } from "../clock.js";
import { ControlBlock } from "../protocol/control-block.js";
import { serveHostApi } from "../protocol/host-api.js";
import type { FromThread, ToThread } from "../protocol/messages.js";
import { fromWireError } from "../protocol/wire-error.js";
import { deferred, settledWithin } from "../waiting.js";
import { deathOf, endReason, isDoubtful, isTroubled, type Life, type ThreadEnd, type ThreadLoss } from "./death.js";
import { killWorker } from "./kill-worker.js";
import { FrameLane } from "./lane.js";
import type { ThreadOrder } from "./piscina-threads.js";
import type { PoolListener } from "./pool.js";
import { findStuck, type Stuck } from "./stuck-lane.js";
import type { ThreadPoolOptions } from "./thread-pool.js";

/** A thread ends within some ms, wherever it runs JavaScript. One that has not by then is held by native code, and is left behind. */
const EXIT_TIMEOUT_MS = 250;
const MEBIBYTE = 2 ** 20;

interface PoolThreadDeps extends ThreadPoolOptions {
  readonly thread: number;
  readonly listener: PoolListener;
  readonly order: (order: ThreadOrder) => void;
  /** It has loaded what is ours. */
  readonly onHello: (worker: Worker) => void;
  readonly onReady: () => void;
  readonly onRetired: () => void;
  readonly onEnd: (end: ThreadEnd) => void;
  readonly onFreed: () => void;
}

export class PoolThread {
  readonly thread: number;
  readonly #deps: PoolThreadDeps;
  readonly #control = new ControlBlock();
  readonly #channel = new MessageChannel();
  readonly #hostChannel = new MessageChannel();
  readonly #abort = new AbortController();
  /** It is ready, or will never be. */
  readonly #booted = deferred();
  /** The lane has ended as it was told to, or is gone. */
  readonly #disposed = deferred();
  readonly #gone = deferred();
  #bootTimer: Timer | undefined;
  #exitTimer: Timer | undefined;
  #worker: Worker | undefined;
  #lane: FrameLane | undefined;
  #readyAt: number | null = null;
  #heapLimit: number | null = null;
  #exitCode: number | null = null;
  #error: unknown = null;
  #stuck: Stuck | null = null;
  /** Something other than a job gave cause to end it: the first of all. */
  #trouble: Error | null = null;
  #hadJobs = false;
  #telling: Promise<boolean> | undefined;
  #killing: Promise<void> | undefined;
  #isTerminated = false;
  #isEnded = false;
  #isUnwanted = false;
  /** It was told to end, and did. */
  #isOrderly = false;
  #isResting = false;
  #isBusy = false;

  constructor(deps: PoolThreadDeps) {
    this.#deps = deps;
    this.thread = deps.thread;
  }

  /** @throws OptionsError if Node refuses the options of the threads */
  boot(): void {
    const { bootTimeoutMs, clock, host, order } = this.#deps;
    const port = this.#channel.port2;
    const hostPort = this.#hostChannel.port2;
    this.#channel.port1.on("message", (message: FromThread) => this.#receive(message));
    serveHostApi(this.#hostChannel.port1, host);
    // The lane's port decides alone whether this thread keeps the process alive.
    this.#hostChannel.port1.unref();
    this.#bootTimer = clock.setTimer(bootTimeoutMs, () => this.#failBoot(new Error(`it was not ready within ${bootTimeoutMs} ms`)));
    const { jobsUrl, queue, concurrency, maxPayload, maxResult, movesResults, resourceLimits, maxHeapPerThread } = this.#deps;
    const measuresHeap = resourceLimits !== null;
    const place = { queue, thread: this.thread, concurrency, maxPayload, maxResult, movesResults, measuresHeap, maxHeapPerThread };
    order({
      task: { port, hostPort, control: this.#control.buffer, jobsUrl, place },
      transferList: [port, hostPort],
      signal: this.#abort.signal,
      onPlaced: (worker) => this.#watch(worker),
      onFailed: (error) => this.#onTaskFailed(error),
    });
  }

  /**
   * Ends the thread: in an orderly way if nothing runs on it and it answers within the limit, else by force. Resolves when it has
   * ended, or is left behind.
   */
  async end(): Promise<void> {
    this.#isUnwanted = true;
    // Ended while it loads modules, it would leave their files open, for as long as the process lives.
    await this.#inTime(this.#booted.promise);
    if (this.#killing === undefined) await this.#tellToEnd();
    // While its stack is read it cannot be terminated, and that may have begun only just now.
    await this.#killing;
    this.#terminate();
    await this.#gone.promise;
  }

  /** Why it is retired, if it is. */
  loss(): ThreadLoss {
    return { wasReady: true, error: this.#trouble, isDoubtful: isTroubled(this.#life()) };
  }

  #life(): Life {
    return { ms: this.#deps.clock.monotonic() - (this.#readyAt ?? Infinity), hadTrouble: this.#trouble !== null };
  }

  unref(): void {
    this.#isResting = true;
    if (this.#lane !== undefined) this.#rest();
  }

  #rest(): void {
    this.#post({ kind: "rest" }, []);
    if (!this.#isBusy) this.#channel.port1.unref();
  }

  // What it says, and what becomes of it.

  #receive(message: FromThread): void {
    switch (message.kind) {
      case "hello":
        if (this.#worker !== undefined) this.#deps.onHello(this.#worker);
        return;
      case "ready":
        return this.#onReady(message.names);
      case "boot-failed":
        return this.#failBoot(fromWireError(message.error));
      case "ended":
        this.#isOrderly = true;
        if (message.error !== null) this.#error = fromWireError(message.error);
        return this.#disposed.resolve();
      case "stray-error":
        if (message.run === null) this.#trouble ??= fromWireError(message.error);
        break;
      case "heap-high":
        if (!this.#hadJobs) this.#trouble ??= new Error("its heap held more than maxHeapPerThread before it had a job");
        break;
      default:
    }
    this.#lane?.receive(message);
  }

  #watch(worker: Worker): void {
    this.#worker = worker;
    worker.on("error", (error) => {
      this.#error ??= error;
    });
    worker.on("exit", (code) => {
      if (this.#isEnded) return this.#deps.onFreed();
      this.#exitCode = code;
      this.#onGone(false);
    });
  }

  #onReady(names: readonly string[]): void {
    this.#bootTimer?.cancel();
    const { clock, listener } = this.#deps;
    this.#readyAt = clock.monotonic();
    this.#booted.resolve();
    // What is about to be ended takes no jobs any more.
    if (this.#isTerminated || this.#isUnwanted) return;
    const lane = new FrameLane({
      thread: this.thread,
      names,
      control: this.#control,
      listener,
      carrier: {
        post: (message, transfer) => this.#post(message, transfer),
        retire: () => this.#deps.onRetired(),
        end: () => void this.#tellToEnd().then(() => (this.#isOrderly ? this.#terminate() : this.#kill(lane))),
        kill: () => this.#kill(lane),
        busy: (isBusy) => this.#setBusy(isBusy),
      },
    });
    this.#lane = lane;
    // Not known any more once it has ended.
    const { maxOldGenerationSizeMb = 0 } = this.#worker?.resourceLimits ?? {};
    this.#heapLimit = maxOldGenerationSizeMb > 0 ? maxOldGenerationSizeMb * MEBIBYTE : null;
    if (this.#isResting) this.#rest();
    this.#deps.onReady();
    listener.ready(lane);
  }

  #setBusy(isBusy: boolean): void {
    this.#isBusy = isBusy;
    this.#hadJobs = true;
    if (!this.#isResting) return;
    if (isBusy) this.#channel.port1.ref();
    else this.#channel.port1.unref();
  }

  #post(message: ToThread, transfer: readonly ArrayBuffer[]): void {
    if (!this.#isEnded) this.#channel.port1.postMessage(message, transfer);
  }

  // Its end.

  #onTaskFailed(error: unknown): void {
    // When the thread has died, or is about to, its exit tells so.
    const isDying = this.#worker !== undefined && (this.#isEnded || this.#error !== null);
    if (!this.#isTerminated && !isDying) this.#failBoot(error);
  }

  #failBoot(error: unknown): void {
    this.#error ??= error;
    this.#terminate();
  }

  async #tellToEnd(): Promise<void> {
    if (this.#isEnded || this.#isTerminated || this.#readyAt === null || this.#isBusy) return;
    if (this.#telling === undefined) this.#post({ kind: "end" }, []);
    this.#telling ??= this.#inTime(this.#disposed.promise);
    await this.#telling;
  }

  /** Whether it settles before it is ended by force. */
  #inTime(promise: Promise<void>): Promise<boolean> {
    return settledWithin(promise, { ms: this.#deps.disposeTimeoutMs, clock: this.#deps.clock });
  }

  #kill(lane: FrameLane): void {
    if (this.#isEnded || this.#isTerminated || this.#worker === undefined) return;
    const { threadId } = this.#worker;
    this.#killing ??= findStuck(lane, { threadId, clock: this.#deps.clock }).then((stuck) => {
      this.#stuck = stuck;
      this.#terminate();
    });
  }

  #terminate(): void {
    if (this.#isEnded || this.#isTerminated) return;
    this.#isTerminated = true;
    // Piscina then ends this very thread and starts another. A resting lane has no task any more to abort.
    this.#abort.abort();
    if (this.#worker === undefined) return this.#onGone(false);
    this.#exitTimer = this.#deps.clock.setTimer(EXIT_TIMEOUT_MS, () => this.#onGone(true));
    killWorker(this.#worker, this.#deps.clock);
  }

  #onGone(isLeaked: boolean): void {
    if (this.#isEnded) return;
    this.#drainPort();
    this.#isEnded = true;
    this.#close();
    this.#booted.resolve();
    this.#disposed.resolve();
    this.#gone.resolve();
    this.#tellEnd(isLeaked);
  }

  #tellEnd(isLeaked: boolean): void {
    const { listener, onEnd } = this.#deps;
    const lane = this.#lane;
    if (lane === undefined) {
      const exit = this.#exitCode === null ? "it ended" : `it exited with code ${this.#exitCode}`;
      return onEnd({ wasReady: false, error: this.#error ?? new Error(`${exit} before it was ready`), isDoubtful: true, isLeaked });
    }
    const death = deathOf(lane, {
      ...{ wasOrderly: this.#isOrderly, wasTerminated: this.#isTerminated, exitCode: this.#exitCode },
      ...{ error: this.#error, stuck: this.#stuck, heapLimit: this.#heapLimit },
    });
    listener.gone(lane, death);
    onEnd({ wasReady: true, error: endReason(death, this.#trouble), isDoubtful: isDoubtful(death, this.#life()), isLeaked });
  }

  /** What the thread posted before it died counts, before anyone is blamed. */
  #drainPort(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#channel.port1) as { readonly message: FromThread } | undefined;
      if (received === undefined) return;
      this.#receive(received.message);
    }
  }

  #close(): void {
    this.#bootTimer?.cancel();
    this.#exitTimer?.cancel();
    this.#channel.port1.close();
    this.#hostChannel.port1.close();
  }
}
