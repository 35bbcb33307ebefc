/**
 * One thread in simulated time. Inside it runs the loop of the real threads, on the main side the real lane; between them are
 * messages that take their time, and everything that can go wrong with a thread.
 */

import type { Lane, PoolListener } from "../../src/dispatch/pool.js";
import type { JobId } from "../../src/job/job-record.js";
import type { JobRequest } from "../../src/job/job-request.js";
import { ControlBlock } from "../../src/protocol/control-block.js";
import type { HostApi } from "../../src/protocol/host-api.js";
import type { FromThread, ToThread } from "../../src/protocol/messages.js";
import { bootLane, type BootedLane } from "../../workers/boot.js";
import { SimClock } from "./sim-clock.js";
import { registryOf } from "./sim-jobs.js";
import { SimLane } from "./sim-lane.js";
import type { Run } from "./runs.js";
import type { World } from "./world.js";

/** Killed threads that have not ended by then are left behind. */
const EXIT_TIMEOUT_MS = 2_000;
const NOTHING = { bytes: new Uint8Array(), attachments: [] };

export interface SimThreadDeps {
  readonly world: World;
  readonly queue: string;
  readonly thread: number;
  readonly concurrency: number;
  readonly timeoutMs: number | null;
  readonly host: HostApi;
  readonly listener: PoolListener;
  /** The main side has noticed its end. */
  readonly onGone: (thread: SimThread) => void;
}

export class SimThread {
  readonly world: World;
  readonly #deps: SimThreadDeps;
  readonly #clock: SimClock;
  readonly #control = new ControlBlock();
  #lane: SimLane | undefined;
  #booted: BootedLane | undefined;
  /** What the thread has not come to while it was blocked. */
  readonly #backlog: (() => void)[] = [];
  #isBlocked = false;
  #isDead = false;
  #exitCode: number | null = null;
  /** On the main side. */
  #isKilled = false;
  #isGone = false;
  #isClosed = false;
  #arrivesAt = { toThread: 0, fromThread: 0 };
  readonly #doomed = new Set<JobId>();

  constructor(deps: SimThreadDeps) {
    this.world = deps.world;
    this.#deps = deps;
    this.#clock = new SimClock(deps.world.time, 0);
  }

  get lane(): Lane | undefined {
    return this.#lane;
  }

  get isIdle(): boolean {
    return this.#lane?.isIdle ?? true;
  }

  /** Loads the jobs; the main side can use it then. */
  async boot(): Promise<void> {
    const { queue, thread, concurrency, timeoutMs, host, listener } = this.#deps;
    this.#booted = await bootLane(
      { queue, thread, concurrency, maxPayload: 1e6, maxResult: 1e6, measuresHeap: false, maxHeapPerThread: null },
      {
        clock: this.#clock,
        control: this.#control,
        post: (message) => this.#postToMain(message),
        store: (request) => this.#callHost(host, request),
        registry: registryOf(this),
      },
    );
    const carrier = {
      post: (message: ToThread, transfer: readonly ArrayBuffer[]): void => this.#postToThread(message, transfer),
      end: (): void => this.kill(),
      kill: (): void => this.kill(),
      busy: (): void => undefined,
    };
    this.#lane = new SimLane({ thread, names: this.#booted.names, control: this.#control, carrier, listener, world: this.world, timeoutMs });
  }

  // The main side.

  kill(): void {
    if (this.#isKilled || this.#isGone) return;
    this.#isKilled = true;
    this.world.time.after(EXIT_TIMEOUT_MS, () => this.#onGone());
    if (this.world.strikes("stuck")) this.world.note("stuck");
    else this.world.time.after(this.world.threads.between(0.5, 30), () => this.die(null));
  }

  /** The engine is stopping, and what still runs is given back. */
  tellStopped(): void {
    this.#lane?.tellStopped();
  }

  /** The main side listens no more. */
  close(): void {
    this.#isClosed = true;
    this.die(null);
  }

  #onGone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    const lane = this.#lane;
    this.#deps.onGone(this);
    if (lane === undefined || this.#isClosed) return;
    const remains = lane.remains();
    const cause = this.#isKilled ? "killed" : "exited";
    lane.tellGone(remains);
    this.#deps.listener.gone(lane, { cause, exitCode: this.#exitCode, error: null, stuckAt: null, heap: null, ...remains });
    if (!this.#isDead) this.world.time.after(this.world.threads.between(0, 5_000), () => this.die(null));
    if (!this.world.strikes("lateAnswer", 0.5)) return;
    const [id] = [...remains.started, ...remains.unstarted];
    if (id === undefined) return;
    this.world.time.after(this.world.threads.between(0, 500), () => {
      if (this.#isClosed) return;
      this.world.note("lateAnswer");
      this.#deps.listener.answered(lane, { id, outcome: { kind: "ok", result: NOTHING }, tookMs: 1, progress: null });
    });
  }

  #receive(message: FromThread): void {
    if (this.#isGone || this.#isClosed) return;
    if (message.kind === "answer" || message.kind === "progress" || message.kind === "log") this.#lane?.receive(message);
  }

  // Between the two sides. Messages of one direction arrive in order.

  #deliver(direction: "toThread" | "fromThread", arrive: () => void): void {
    const { time, threads } = this.world;
    const isSlow = this.world.strikes("slowMessages", 0.3);
    if (isSlow) this.world.note("slowMessages");
    const arrivesAt = Math.max(this.#arrivesAt[direction], time.monotonic + (isSlow ? threads.between(1, 50) : threads.between(0.01, 0.1)));
    this.#arrivesAt[direction] = arrivesAt;
    time.after(arrivesAt - time.monotonic, arrive);
  }

  #postToThread(message: ToThread, transfer: readonly ArrayBuffer[]): void {
    const sent = transfer.length === 0 ? message : structuredClone(message, { transfer: [...transfer] });
    this.#deliver("toThread", () => this.enter(() => this.#handle(sent)));
  }

  #postToMain(message: FromThread): void {
    if (this.#isDead) return;
    const id = message.kind === "answer" ? this.#lane?.idOf(message.slot) : undefined;
    if (id !== undefined && this.#doomed.delete(id)) {
      this.world.note("dieUnanswered");
      this.die(1);
      return;
    }
    const isDouble = message.kind === "answer" && this.world.strikes("doubleAnswer");
    if (isDouble) this.world.note("doubleAnswer");
    this.#deliver("fromThread", () => {
      this.#receive(message);
      if (isDouble) this.#receive(message);
    });
  }

  async #callHost(host: HostApi, request: JobRequest): Promise<{ readonly id: string; readonly duplicate: boolean }> {
    return new Promise((resolve, reject) => {
      this.#deliver("fromThread", () => {
        if (this.#isClosed) return;
        host.enqueue(request).then(
          (enqueued) => {
            this.world.ledger.acked(enqueued);
            this.#deliver("toThread", () => this.enter(() => resolve(enqueued)));
          },
          (error: unknown) => this.#deliver("toThread", () => this.enter(() => reject(error))),
        );
      });
    });
  }

  // Inside the thread.

  runOf(id: JobId): Run {
    const run = this.#lane?.runOf(id);
    if (run === undefined) throw new Error("a job started that was never sent");
    return run;
  }

  /** Does something in the thread, as soon as it is not blocked. */
  enter(act: () => void): void {
    if (this.#isDead) return;
    if (this.#isBlocked) this.#backlog.push(act);
    else act();
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimer(ms, () => this.enter(resolve)));
  }

  /** Runs without a break: nothing else happens in the thread. */
  block(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.enter(() => {
        this.#isBlocked = true;
        if (ms === Infinity) return;
        this.#clock.setTimer(ms, () => {
          this.#isBlocked = false;
          resolve();
          this.#catchUp();
        });
      });
    });
  }

  dieAtAnswer(id: JobId): void {
    this.#doomed.add(id);
  }

  die(exitCode: number | null): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#exitCode = exitCode;
    this.#clock.cut();
    // What it has posted arrives first.
    const { time, threads } = this.world;
    const goneAt = Math.max(this.#arrivesAt.fromThread, time.monotonic + threads.between(0.5, 50));
    time.after(goneAt - time.monotonic, () => this.#onGone());
  }

  #catchUp(): void {
    this.#clock.endOfTurn(() => {
      if (this.#isBlocked || this.#isDead) return;
      this.#backlog.shift()?.();
      if (this.#backlog.length > 0) this.#catchUp();
    });
  }

  #handle(message: ToThread): void {
    if (message.kind === "frame") this.#booted?.loop.receiveFrame(message.jobs);
    if (message.kind === "stop-asked") this.#booted?.loop.passStopOn(message.slots);
  }
}
