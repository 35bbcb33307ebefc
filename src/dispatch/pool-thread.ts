/**
 * One thread of a pool, from its boot to its end:
 *
 *     booting ── ready ──▶ serving ── told to, or dies ──▶ ended
 *        └── jobs module fails, hangs, exits ──────────────▶ ended
 *
 * A thread ends once. What replaces it is a new `PoolThread` with the same number.
 */

import { MessageChannel, receiveMessageOnPort, type Transferable, type Worker } from "node:worker_threads";
import type { Timer } from "../clock.js";
import { ControlBlock } from "../protocol/control-block.js";
import { serveHostApi } from "../protocol/host-api.js";
import type { FromThread, LaneTask, ToThread } from "../protocol/messages.js";
import { fromWireError } from "../protocol/wire-error.js";
import { deferred, settledWithin } from "../waiting.js";
import { FrameLane } from "./lane.js";
import type { PoolListener } from "./pool.js";
import type { ThreadPoolOptions } from "./thread-pool.js";

/** A killed thread that has not exited by then is held by native code, and is left behind. */
const EXIT_TIMEOUT_MS = 2_000;

export interface ThreadEnd {
  readonly wasReady: boolean;
  readonly error: unknown;
}

interface PoolThreadDeps extends ThreadPoolOptions {
  readonly thread: number;
  readonly listener: PoolListener;
  /** Gives the lane's task to a thread that has no lane. Settles when the task or the thread ends. */
  readonly run: (task: LaneTask, options: { transferList: Transferable[]; signal: AbortSignal }) => Promise<void>;
  readonly findWorker: (threadId: number) => Worker | undefined;
  readonly onReady: () => void;
  readonly onEnd: (end: ThreadEnd) => void;
}

export class PoolThread {
  readonly thread: number;
  readonly #deps: PoolThreadDeps;
  readonly #control = new ControlBlock();
  readonly #channel = new MessageChannel();
  readonly #hostChannel = new MessageChannel();
  readonly #abort = new AbortController();
  readonly #ended = deferred();
  readonly #gone = deferred();
  #bootTimer: Timer | undefined;
  #exitTimer: Timer | undefined;
  #worker: Worker | undefined;
  #threadId: number | null = null;
  #lane: FrameLane | undefined;
  #exitCode: number | null = null;
  #error: unknown = null;
  #isEnded = false;
  /** It was told to end, and did. */
  #isOrderly = false;
  #isResting = false;
  #isBusy = false;

  constructor(deps: PoolThreadDeps) {
    this.#deps = deps;
    this.thread = deps.thread;
  }

  /** Of the worker thread; `null` until it has said hello. */
  get threadId(): number | null {
    return this.#threadId;
  }

  /** Resolves when it has exited or is left behind, which takes a bounded time from `end` on. Nothing is told afterwards. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  boot(): void {
    const { jobsUrl, queue, concurrency, maxPayload, maxResult, bootTimeoutMs, clock, host, run } = this.#deps;
    const port = this.#channel.port2;
    const hostPort = this.#hostChannel.port2;
    this.#channel.port1.on("message", (message: FromThread) => this.#receive(message));
    serveHostApi(this.#hostChannel.port1, host);
    // The lane's port decides alone whether this thread keeps the process alive.
    this.#hostChannel.port1.unref();
    this.#bootTimer = clock.setTimer(bootTimeoutMs, () => {
      this.#error = new Error(`it was not ready within ${bootTimeoutMs} ms`);
      this.#kill();
    });
    const place = { queue, thread: this.thread, concurrency, maxPayload, maxResult };
    const task = { port, hostPort, control: this.#control.buffer, jobsUrl, place };
    run(task, { transferList: [port, hostPort], signal: this.#abort.signal }).catch((error: unknown) => this.#onTaskLost(error));
  }

  /** Ends the thread: in an orderly way if it answers within `limitMs`, else by force. */
  async end(limitMs: number): Promise<void> {
    if (this.#isEnded) return;
    if (this.#lane !== undefined && !this.#isBusy) {
      this.#post({ kind: "end" }, []);
      await settledWithin(this.#ended.promise, { ms: limitMs, clock: this.#deps.clock });
    }
    this.#kill();
  }

  #close(): void {
    this.#bootTimer?.cancel();
    this.#exitTimer?.cancel();
    this.#channel.port1.close();
    this.#hostChannel.port1.close();
  }

  unref(): void {
    this.#isResting = true;
    if (this.#lane !== undefined) this.#rest();
  }

  #rest(): void {
    this.#post({ kind: "rest" }, []);
    if (!this.#isBusy) this.#channel.port1.unref();
  }

  #receive(message: FromThread): void {
    switch (message.kind) {
      case "hello":
        return this.#watch(message.threadId);
      case "ready":
        return this.#onReady(message.names);
      case "boot-failed":
        this.#error = fromWireError(message.error);
        return this.#kill();
      case "ended":
        this.#isOrderly = true;
        if (message.error !== null) this.#error = fromWireError(message.error);
        return this.#ended.resolve();
      default:
        return this.#lane?.receive(message);
    }
  }

  #watch(threadId: number): void {
    this.#threadId = threadId;
    this.#worker = this.#deps.findWorker(threadId);
    this.#worker?.on("error", (error) => {
      this.#error ??= error;
    });
    this.#worker?.on("exit", (code) => {
      this.#exitCode = code;
      this.#onGone();
    });
  }

  #onReady(names: readonly string[]): void {
    this.#bootTimer?.cancel();
    const lane = new FrameLane({
      thread: this.thread,
      names,
      control: this.#control,
      listener: this.#deps.listener,
      carrier: {
        post: (message, transfer) => this.#post(message, transfer),
        kill: () => this.#kill(),
        busy: (isBusy) => this.#setBusy(isBusy),
      },
    });
    this.#lane = lane;
    if (this.#isResting) this.#rest();
    this.#deps.onReady();
    this.#deps.listener.ready(lane);
  }

  #setBusy(isBusy: boolean): void {
    this.#isBusy = isBusy;
    if (!this.#isResting) return;
    if (isBusy) this.#channel.port1.ref();
    else this.#channel.port1.unref();
  }

  #post(message: ToThread, transfer: readonly ArrayBuffer[]): void {
    this.#channel.port1.postMessage(message, transfer);
  }

  #kill(): void {
    if (this.#isEnded || this.#exitTimer !== undefined) return;
    this.#exitTimer = this.#deps.clock.setTimer(EXIT_TIMEOUT_MS, () => this.#onGone());
    // Piscina then ends this very thread and starts another. A resting lane has no task any more to abort.
    this.#abort.abort();
    void this.#worker?.terminate();
  }

  /** The task ended without being told to: the thread died, or was killed. A thread that had said hello tells by its exit. */
  #onTaskLost(error: unknown): void {
    if (this.#worker !== undefined) return;
    const code = error instanceof Error ? /exited with code: (\d+)/.exec(error.message)?.[1] : undefined;
    if (code !== undefined) this.#exitCode = Number(code);
    else if (!this.#abort.signal.aborted) this.#error ??= error;
    this.#onGone();
  }

  #onGone(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#drainPort();
    this.#close();
    this.#ended.resolve();
    const lane = this.#lane;
    const exit = this.#exitCode === null ? "it ended" : `it exited with code ${this.#exitCode}`;
    this.#deps.onEnd({ wasReady: lane !== undefined, error: this.#error ?? new Error(`${exit} before it was ready`) });
    if (lane !== undefined) {
      const error = this.#error instanceof Error ? this.#error : null;
      this.#deps.listener.gone(lane, { exitCode: this.#isOrderly ? 0 : this.#exitCode, error, ...lane.remains() });
    }
    this.#gone.resolve();
  }

  /** What the thread posted before it died counts, before anyone is blamed. */
  #drainPort(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#channel.port1) as { readonly message: FromThread } | undefined;
      if (received === undefined) return;
      this.#receive(received.message);
    }
  }
}
