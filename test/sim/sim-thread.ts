/**
 * One thread in simulated time. Inside it runs the loop of the real threads, on the main side the real lane; between them are
 * messages that take their time, and everything that can go wrong with a thread.
 */

import { deathOf } from "../../src/dispatch/death.js";
import type { Lane } from "../../src/dispatch/pool.js";
import type { Stuck } from "../../src/dispatch/stuck-lane.js";
import type { JobId } from "../../src/job/job-record.js";
import type { JobRequest } from "../../src/job/job-request.js";
import { ControlBlock } from "../../src/protocol/control-block.js";
import type { HostApi } from "../../src/protocol/host-api.js";
import type { FromThread, RunIdentity, ToThread } from "../../src/protocol/messages.js";
import { toWireError } from "../../src/protocol/wire-error.js";
import { deferred } from "../../src/waiting.js";
import { bootLane, type BootedLane } from "../../workers/boot.js";
import type { Timer } from "../../src/clock.js";
import { SimBody, type Whose } from "./sim-body.js";
import { registryOf } from "./sim-jobs.js";
import { SimLane } from "./sim-lane.js";
import type { Run } from "./runs.js";
import { SimWire } from "./sim-wire.js";
import { findStuck } from "./sim-stuck.js";
import type { Exit, SimThreadDeps } from "./sim-thread-deps.js";
import type { World } from "./world.js";

/** As of the real threads. */
const EXIT_TIMEOUT_MS = 250;
const DISPOSE_TIMEOUT_MS = 1_000;
const NOTHING = { bytes: new Uint8Array(), attachments: [] };

export class SimThread {
  readonly world: World;
  readonly queue: string;
  readonly number: number;
  readonly body: SimBody;
  /** The last run of each job that ran here. */
  readonly former: Map<JobId, RunIdentity> = new Map();
  readonly #deps: SimThreadDeps;
  readonly #control = new ControlBlock();
  readonly #wire: SimWire;
  #lane: SimLane | undefined;
  #booted: BootedLane | undefined;
  readonly #doomed = new Set<JobId>();
  #exit: Exit | null = null;
  // On the main side.
  readonly #disposed = deferred();
  readonly #gone = deferred();
  #exitTimer: Timer | undefined;
  #killing: Promise<void> | undefined;
  #stuck: Stuck | null = null;
  #isBusy = false;
  #isToldToEnd = false;
  #isOrderly = false;
  #isTerminated = false;
  #isGone = false;
  #isLeaked = false;
  #isClosed = false;

  constructor(deps: SimThreadDeps) {
    this.world = deps.world;
    this.queue = deps.queue;
    this.number = deps.thread;
    this.#deps = deps;
    this.body = new SimBody(deps.world.time);
    this.#wire = new SimWire(deps.world);
    const { answers } = this.#control;
    const write = answers.write.bind(answers);
    // One that dies as it answers, or answers twice, does so by message; and now and then the ring is full.
    answers.write = (slot, ...rest) => !this.#answersByMessage(slot) && write(slot, ...rest);
  }

  #answersByMessage(slot: number): boolean {
    return this.#doomed.has(this.#lane?.idOf(slot) ?? "") || this.world.threads.chance(0.5);
  }

  get lane(): Lane | undefined {
    return this.#lane;
  }

  /** Loads the jobs; the main side can use it then. */
  async boot(): Promise<void> {
    const { world, queue, thread, concurrency, timeoutMs, maxJobs, host, listener } = this.#deps;
    this.#booted = await bootLane(
      { queue, thread, concurrency, maxPayload: 1e6, maxResult: 1e6, movesResults: true, measuresHeap: false, maxHeapPerThread: null },
      {
        clock: this.body.clock,
        control: this.#control,
        post: (message) => this.post(message),
        store: (request) => this.#callHost(host, request),
        registry: registryOf(this),
      },
    );
    const carrier = {
      post: (message: ToThread, transfer: readonly ArrayBuffer[]): void => this.#postToThread(message, transfer),
      retire: (): void => this.#deps.onRetired(this),
      end: (): void => void this.#tellToEnd().then(() => (this.#isOrderly ? this.#terminate() : this.#kill())),
      kill: (): void => this.#kill(),
      busy: (isBusy: boolean): void => {
        this.#isBusy = isBusy;
      },
    };
    this.#lane = new SimLane({ thread, names: this.#booted.names, control: this.#control, carrier, listener, world, timeoutMs, maxJobs });
  }

  // The main side.

  /** As when its pool stops. What still runs is given back already. Resolves when the main side has noticed its end. */
  async end(): Promise<void> {
    await (this.#killing ?? this.#tellToEnd());
    this.#terminate();
    await this.#gone.promise;
  }

  /** The engine is stopping, and what still runs is given back. */
  tellStopped(): void {
    this.#lane?.tellStopped();
  }

  /** The main side is no more. */
  close(): void {
    this.#isClosed = true;
    this.#lane?.close();
    this.body.halt();
  }

  async #tellToEnd(): Promise<void> {
    if (this.#isGone || this.#isTerminated || this.#lane === undefined || this.#isBusy) return;
    if (!this.#isToldToEnd) this.#postToThread({ kind: "end" }, []);
    this.#isToldToEnd = true;
    const timer = this.world.time.after(DISPOSE_TIMEOUT_MS, this.#disposed.resolve);
    await this.#disposed.promise;
    timer.cancel();
  }

  #kill(): void {
    if (this.#deps.spares || this.#isGone || this.#isTerminated || this.#lane === undefined) return;
    this.#killing ??= findStuck(this.#lane, this).then((stuck) => {
      this.#stuck = stuck;
      this.#terminate();
    });
  }

  #terminate(): void {
    if (this.#isGone || this.#isTerminated) return;
    this.#isTerminated = true;
    const { time, threads } = this.world;
    this.#exitTimer = time.after(EXIT_TIMEOUT_MS, () => this.#onGone(true));
    const isStuck = this.world.strikes("stuck");
    // Native code is not interrupted; in half of the cases what comes after it runs on.
    if (!isStuck || threads.chance(0.5)) this.body.halt();
    time.after(isStuck ? threads.between(200, 5_000) : threads.between(0.5, 30), () => this.#end());
  }

  /** Everything it has posted was received. */
  #onGone(isLeaked: boolean): void {
    if (this.#isGone || this.#isClosed) return;
    this.#wire.flushToMain();
    this.#isGone = true;
    this.#isLeaked = isLeaked;
    this.#exitTimer?.cancel();
    this.#disposed.resolve();
    const { listener, thread, onGone } = this.#deps;
    const lane = this.#lane;
    if (lane !== undefined) {
      const error = this.#exit?.error ?? null;
      const ending = { wasOrderly: this.#isOrderly, wasTerminated: this.#isTerminated, exitCode: isLeaked ? null : (this.#exit?.code ?? 1) };
      const death = deathOf(lane, { ...ending, error, stuck: this.#stuck, heapLimit: null });
      lane.tellGone(death, { exitBy: this.#exit?.by ?? null, heldBy: this.#stuck?.culprit ?? null });
      listener.gone(lane, death);
      if (isLeaked) listener.leaked(thread);
      this.#answerLate(lane, [...death.started, ...death.unstarted]);
    }
    onGone(this, isLeaked);
    this.#gone.resolve();
  }

  /** What the contract of pools rules out; the claims hold even so. */
  #answerLate(lane: SimLane, [id]: readonly JobId[]): void {
    if (id === undefined || !this.world.strikes("lateAnswer", 0.5)) return;
    this.world.time.after(this.world.threads.between(0, 500), () => {
      if (this.#isClosed) return;
      this.world.note("lateAnswer");
      this.#deps.listener.answered(lane, { id, outcome: { kind: "ok", result: NOTHING }, tookMs: 1, progress: null });
    });
  }

  #receive(message: FromThread): void {
    if (this.#isClosed) return;
    if (this.#isGone) {
      if (message.kind !== "answer" || !this.world.strikes("lateAnswer", 0.5)) return;
      this.world.note("late answers of threads left behind");
    }
    switch (message.kind) {
      case "ended":
        this.#isOrderly = true;
        return this.#disposed.resolve();
      case "hello":
      case "ready":
      case "boot-failed":
        return;
      default:
        this.#lane?.receive(message);
    }
  }

  // Between the two sides.

  #postToThread(message: ToThread, transfer: readonly ArrayBuffer[]): void {
    if (this.#isGone) return;
    const sent = transfer.length === 0 ? message : structuredClone(message, { transfer: [...transfer] });
    this.#wire.toThread(() => this.body.enter(() => this.#handle(sent)));
  }

  post(message: FromThread): void {
    if (this.body.isHalted) return;
    const id = message.kind === "answer" ? this.#lane?.idOf(message.slot) : undefined;
    if (id !== undefined && this.#doomed.delete(id)) {
      this.world.note("dieUnanswered");
      return this.exit({ code: 1, by: "nobody", isTold: false });
    }
    const isDouble = message.kind === "answer" && this.world.strikes("doubleAnswer");
    if (isDouble) this.world.note("doubleAnswer");
    this.#wire.toMain(() => {
      this.#receive(message);
      if (isDouble) this.#receive(message);
    });
  }

  /** A job calls the main side. */
  #callHost(host: HostApi, request: JobRequest): ReturnType<HostApi["enqueue"]> {
    return new Promise((resolve, reject) => {
      const tell = (act: () => void): void => this.#wire.toThread(() => this.body.enter(act));
      this.#wire.toMain(() => {
        if (this.#isClosed || this.#isGone) return;
        const call = host.enqueue(request);
        void call.then((enqueued) => this.world.ledger.acked(enqueued)).catch(() => undefined);
        call.then((enqueued) => tell(() => resolve(enqueued)), (error: unknown) => tell(() => reject(error)));
      });
    });
  }

  // Inside the thread.

  runOf(id: JobId): Run {
    const run = this.#lane?.runOf(id);
    if (run === undefined) throw new Error("a job started that was never sent");
    return run;
  }

  dieAtAnswer(id: JobId): void {
    this.#doomed.add(id);
  }

  /** Code throws where nobody catches it. */
  stray(whose: Whose): void {
    const error = toWireError(new Error("thrown where nobody catches it"));
    this.post({ kind: "stray-error", run: whose === "nobody" ? null : whose, error });
  }

  exit(exit: Exit): void {
    if (this.body.isHalted) return;
    if (exit.isTold) this.post({ kind: "exiting", run: exit.by === "nobody" ? null : exit.by, code: exit.code ?? 1 });
    this.#exit = exit;
    this.body.halt();
    this.world.time.after(this.world.threads.between(0.5, 50), () => this.#end());
  }

  /** It has really ended. */
  #end(): void {
    this.body.halt();
    if (this.#isClosed) return;
    this.#onGone(false);
    if (this.#isLeaked) this.#deps.onFreed(this);
    this.#isLeaked = false;
  }

  #handle(message: ToThread): void {
    switch (message.kind) {
      case "frame":
        return this.#booted?.loop.receiveFrame(message.frame);
      case "stop-asked":
        this.#lane?.noteStopHeard();
        return this.#booted?.loop.passStopOn(message.slot);
      case "knock":
        this.#lane?.noteStopHeard();
        return this.#booted?.loop.answerKnock();
      case "end":
        return this.#dispose();
      case "rest":
    }
  }

  #dispose(): void {
    const { world } = this;
    const isSlow = world.strikes("slowDispose", 0.3);
    if (isSlow) world.note("slowDispose");
    this.body.later(isSlow ? world.threads.between(100, 3_000) : world.threads.between(0, 20), () => this.post({ kind: "ended", error: null }));
  }
}
