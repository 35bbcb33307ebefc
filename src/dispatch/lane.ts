/**
 * The main side of a lane: which job sits in which slot of the control block, frames out, answers in. It does not know what
 * carries the messages, so threads and the inline pool share it.
 */

import type { ClaimedJob, JobId } from "../job/job-record.js";
import { type ControlBlock, FRAME_SLOTS, type StopReason } from "../protocol/control-block.js";
import { isOutcome } from "../job/lifecycle.js";
import type { FromThread, ToThread } from "../protocol/messages.js";
import { packFrame } from "../protocol/frame.js";
import { deferred, type Deferred } from "../waiting.js";
import { nonsenseFailure } from "./failures.js";
import type { Death, Lane, PoolListener } from "./pool.js";

/** What carries a lane's messages and can end it. */
export interface LaneCarrier {
  post(message: ToThread, transfer: readonly ArrayBuffer[]): void;
  retire(): void;
  end(): void;
  kill(): void;
  /** The lane has jobs now, or has none any more. */
  busy(isBusy: boolean): void;
}

/** What a running lane says. */
export type LaneMessage = Exclude<FromThread, { kind: "hello" | "ready" | "boot-failed" | "ended" }>;

/** What a dead lane itself knows of its death. */
export type Remains = Pick<Death, "started" | "unstarted" | "culprit" | "wasDeaf" | "exitCode"> & { readonly heapUsed: number | null };

const NO_ATTACHMENTS: readonly ArrayBuffer[] = Object.freeze([]);

export class FrameLane implements Lane {
  readonly thread: number;
  readonly names: readonly string[];
  readonly #control: ControlBlock;
  readonly #carrier: LaneCarrier;
  readonly #listener: PoolListener;
  readonly #freeSlots: number[] = Array.from({ length: FRAME_SLOTS }, (_, index) => FRAME_SLOTS - 1 - index);
  readonly #slotOf = new Map<JobId, number>();
  /** By slot. A slot that is neither free nor here belongs to a job that was taken back and is not answered yet. */
  readonly #jobs: (JobId | undefined)[] = new Array<JobId | undefined>(FRAME_SLOTS);
  /** Which of all messages to stop was the last for a job. */
  readonly #stopOf = new Map<JobId, number>();
  #stopsAsked = 0;
  #knocks = 0;
  #heard: Deferred<void> | undefined;
  #culprit: Death["culprit"] = null;
  #exitCode: number | null = null;

  constructor(deps: {
    readonly thread: number;
    readonly names: readonly string[];
    readonly control: ControlBlock;
    readonly carrier: LaneCarrier;
    readonly listener: PoolListener;
  }) {
    this.thread = deps.thread;
    this.names = deps.names;
    this.#control = deps.control;
    this.#carrier = deps.carrier;
    this.#listener = deps.listener;
  }

  get room(): number {
    return this.#freeSlots.length;
  }

  send(jobs: readonly ClaimedJob[]): void {
    if (jobs.length === 0) return;
    if (this.#slotOf.size === 0) this.#carrier.busy(true);
    const attachments = jobs.flatMap((job) => job.attachments);
    const slots = jobs.map(({ id }) => this.#takeSlot(id));
    this.#carrier.post({ kind: "frame", frame: packFrame(jobs, slots) }, attachments);
    this.#control.noteSent(jobs.length, this.#slotOf.size >> 1);
  }

  takeBack(ids: readonly JobId[]): readonly JobId[] {
    const taken = ids.filter((id) => {
      const slot = this.#slotOf.get(id);
      if (slot === undefined || !this.#control.revoke(slot)) return false;
      this.#forget(id, slot);
      return true;
    });
    if (taken.length > 0 && this.#slotOf.size === 0) this.#carrier.busy(false);
    return taken;
  }

  askToStop(id: JobId, reason: StopReason): void {
    const slot = this.#slotOf.get(id);
    if (slot === undefined) return;
    this.#control.askToStop(slot, reason);
    this.#stopsAsked += 1;
    this.#stopOf.set(id, this.#stopsAsked + this.#knocks);
    this.#carrier.post({ kind: "stop-asked", slot }, []);
  }

  wasAskedToStop(id: JobId): boolean {
    return this.#stopOf.has(id);
  }

  heardStop(id: JobId): boolean {
    return this.#control.stopsHeard >= (this.#stopOf.get(id) ?? Infinity);
  }

  startedAt(id: JobId): number | null {
    const slot = this.#slotOf.get(id);
    return slot === undefined ? null : this.#control.startedAt(slot);
  }

  progress(id: JobId): number | null {
    const slot = this.#slotOf.get(id);
    return slot === undefined ? null : this.#control.progress(slot);
  }

  retire(): void {
    this.#carrier.retire();
  }

  end(): void {
    // It may be told so by whoever hears of its last answer.
    if (this.#slotOf.size === 0) this.#carrier.busy(false);
    this.#carrier.end();
  }

  kill(): void {
    this.#carrier.kill();
  }

  /** It was told to stop something, or knocked at, and did not take notice: some code holds the thread. */
  get isDeaf(): boolean {
    return this.#control.stopsHeard < this.#stopsAsked + this.#knocks;
  }

  /** Resolves when the thread listens. */
  knock(): Promise<void> {
    this.#heard ??= deferred();
    this.#knocks += 1;
    this.#carrier.post({ kind: "knock" }, []);
    return this.#heard.promise;
  }

  receive(message: LaneMessage): void {
    // What happened before it was posted comes first.
    this.collect();
    switch (message.kind) {
      case "answers":
        return;
      case "answer":
        return this.#receiveAnswer(isOutcome(message.outcome) ? message : { ...message, outcome: nonsenseFailure() });
      case "progress": {
        const id = this.#jobs[message.slot];
        if (id !== undefined) this.#listener.progressed(this, { id, fraction: message.fraction, detail: message.detail });
        return;
      }
      case "log": {
        this.#control.noteLogRead();
        const id = this.#jobs[message.slot];
        if (id !== undefined) this.#listener.logged(this, id, message.line);
        return;
      }
      case "stray-error":
        return this.#listener.strayed(this, { run: message.run, error: message.error });
      case "exiting":
        this.#culprit = message.run ?? "nobody";
        this.#exitCode = message.code;
        return;
      case "heap-high":
        return this.#listener.heapHigh(this);
      case "heard":
        if (!this.isDeaf) this.#heard?.resolve();
        return;
    }
  }

  collect(): void {
    const { answers } = this.#control;
    answers.hear();
    for (const { slot, tookMs, result } of answers.read()) {
      this.#receiveAnswer({ slot, tookMs, outcome: { kind: "ok", result: { bytes: result, attachments: NO_ATTACHMENTS } } });
    }
  }

  #receiveAnswer({ slot, outcome, tookMs }: Omit<Extract<LaneMessage, { kind: "answer" }>, "kind">): void {
    // A second answer must not end the job that is in this slot now, or free the slot twice.
    if (!this.#control.isOver(slot)) return;
    const id = this.#jobs[slot];
    const progress = this.#control.progress(slot);
    this.#control.release(slot);
    this.#freeSlots.push(slot);
    // Without an id the job was taken back: what came is the thread's leave to use the slot again.
    if (id === undefined) return;
    this.#forget(id, slot);
    this.#listener.answered(this, { id, outcome, tookMs, progress });
    if (this.#slotOf.size === 0) this.#carrier.busy(false);
  }

  /** What was here when the thread died. Every message it sent has been received. */
  remains(): Remains {
    this.collect();
    const started: JobId[] = [];
    const unstarted: JobId[] = [];
    for (const [id, slot] of this.#slotOf) {
      // `done` without an answer: it ended, but nobody knows how, so it runs again, and nobody is to blame.
      (this.#control.isRunning(slot) ? started : unstarted).push(id);
    }
    // Whoever ended by itself did not owe an answer to a knock.
    const wasDeaf = this.#control.stopsHeard < this.#stopsAsked;
    return { started, unstarted, culprit: this.#culprit, exitCode: this.#exitCode, wasDeaf, heapUsed: this.#control.heapUsed };
  }

  #forget(id: JobId, slot: number): void {
    this.#slotOf.delete(id);
    if (this.#stopOf.size > 0) this.#stopOf.delete(id);
    this.#jobs[slot] = undefined;
  }

  #takeSlot(id: JobId): number {
    const slot = this.#freeSlots.pop();
    if (slot === undefined) throw new RangeError("more jobs than the lane has room for");
    this.#control.queue(slot);
    this.#slotOf.set(id, slot);
    this.#jobs[slot] = id;
    return slot;
  }
}
