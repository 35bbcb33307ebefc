/**
 * The shared memory of one lane: for each frame slot a claim word, a stop word, a start time and a progress; for all of them
 * how many messages to stop have been heard and how many log lines were read, how full the heap was, and their answers. Both sides read and write it without a message, so it
 * works while the thread is in a busy loop, and what it says survives the thread.
 *
 * The claim word of a slot:
 *
 *     free ── main posts ──▶ queued ── thread ──▶ running ── thread ──▶ done
 *                              └────── main ────▶ revoked
 *
 * Leaving `queued` is a compare-and-swap, so a job is either started or taken back, never both. A slot is free again when
 * the main side has the thread's answer for it, also for a revoked one: before that the thread may still hold its frame.
 */

import { ANSWER_RING_BYTES, AnswerRing } from "./answer-ring.js";

/** How many jobs a lane can hold at once. */
export const FRAME_SLOTS = 1_024;

const FREE = 0;
const QUEUED = 1;
const RUNNING = 2;
const DONE = 3;
const REVOKED = 4;

/** Why a run is asked to stop. */
export type StopReason = "cancel" | "timeout";
const NO_STOP = 0;
const STOP_NAMES: readonly (StopReason | null)[] = [null, "cancel", "timeout"];

/** What stands for no start and no progress. Not 0, which is a time like any other on a clock that starts there. */
const NONE = NaN;

const INTS_PER_SLOT = 2;
const FLOATS_PER_SLOT = 2;
/** After the slots, one word each for the whole lane. */
const STOPS_HEARD = FRAME_SLOTS * INTS_PER_SLOT;
const LOGS_READ = STOPS_HEARD + 1;
const SENT = STOPS_HEARD + 2;
const REFILL_AT = STOPS_HEARD + 3;
const INTS = STOPS_HEARD + 4;
const FLOATS = FRAME_SLOTS * FLOATS_PER_SLOT + 1;
const HEAP_USED = FRAME_SLOTS * FLOATS_PER_SLOT;
const FLOATS_AT = INTS * Int32Array.BYTES_PER_ELEMENT;
const ANSWERS_AT = FLOATS_AT + FLOATS * Float64Array.BYTES_PER_ELEMENT;
const BYTES = ANSWERS_AT + ANSWER_RING_BYTES;

export class ControlBlock {
  readonly buffer: SharedArrayBuffer;
  /** How jobs ended, as far as that is short and simple. */
  readonly answers: AnswerRing;
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;

  /** @param buffer that of the other side; without one, a new block is made */
  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(BYTES);
    this.#ints = new Int32Array(this.buffer, 0, INTS);
    this.#floats = new Float64Array(this.buffer, FLOATS_AT, FLOATS);
    this.answers = new AnswerRing(this.buffer, ANSWERS_AT);
    if (buffer === undefined) this.#floats.fill(NONE);
  }

  // The main side.

  /** Before the frame is posted. */
  queue(slot: number): void {
    this.#floats[slot * FLOATS_PER_SLOT] = NONE;
    this.#floats[slot * FLOATS_PER_SLOT + 1] = NONE;
    Atomics.store(this.#ints, slot * INTS_PER_SLOT + 1, NO_STOP);
    Atomics.store(this.#ints, slot * INTS_PER_SLOT, QUEUED);
  }

  /** Takes a job back. False if it has started. */
  revoke(slot: number): boolean {
    return Atomics.compareExchange(this.#ints, slot * INTS_PER_SLOT, QUEUED, REVOKED) === QUEUED;
  }

  isRunning(slot: number): boolean {
    return Atomics.load(this.#ints, slot * INTS_PER_SLOT) === RUNNING;
  }

  /** The thread is finished with this slot, and has said so or is about to. */
  isOver(slot: number): boolean {
    const state = Atomics.load(this.#ints, slot * INTS_PER_SLOT);
    return state === DONE || state === REVOKED;
  }

  release(slot: number): void {
    Atomics.store(this.#ints, slot * INTS_PER_SLOT, FREE);
  }

  /** The first reason stays. */
  askToStop(slot: number, reason: StopReason): void {
    Atomics.compareExchange(this.#ints, slot * INTS_PER_SLOT + 1, NO_STOP, STOP_NAMES.indexOf(reason));
  }

  /** `null` before the start. */
  startedAt(slot: number): number | null {
    const at = this.#floats[slot * FLOATS_PER_SLOT] ?? NONE;
    return Number.isNaN(at) ? null : at;
  }

  /** `null` if the job told none. */
  progress(slot: number): number | null {
    const fraction = this.#floats[slot * FLOATS_PER_SLOT + 1] ?? NONE;
    return Number.isNaN(fraction) ? null : fraction;
  }

  /** So many jobs more have been posted; the thread is to tell when no more than `refillAt` are left to start. */
  noteSent(jobs: number, refillAt: number): void {
    Atomics.store(this.#ints, REFILL_AT, refillAt);
    Atomics.add(this.#ints, SENT, jobs);
  }

  /** One more log line has been read. */
  noteLogRead(): void {
    Atomics.add(this.#ints, LOGS_READ, 1);
  }

  get stopsHeard(): number {
    return Atomics.load(this.#ints, STOPS_HEARD);
  }

  /** In bytes, when it was last measured; `null` if it never was. */
  get heapUsed(): number | null {
    const bytes = this.#floats[HEAP_USED] ?? NONE;
    return Number.isNaN(bytes) ? null : bytes;
  }

  // The thread.

  /** Starts a job, at a monotonic time. False if it was taken back. */
  start(slot: number, at: number): boolean {
    // Written first, so that nobody sees a running job without its start.
    this.#floats[slot * FLOATS_PER_SLOT] = at;
    return Atomics.compareExchange(this.#ints, slot * INTS_PER_SLOT, QUEUED, RUNNING) === QUEUED;
  }

  finish(slot: number): void {
    Atomics.store(this.#ints, slot * INTS_PER_SLOT, DONE);
  }

  setProgress(slot: number, fraction: number): void {
    this.#floats[slot * FLOATS_PER_SLOT + 1] = fraction;
  }

  /** Jobs that have ever been posted, as an integer that wraps. */
  get sent(): number {
    return Atomics.load(this.#ints, SENT);
  }

  get refillAt(): number {
    return Atomics.load(this.#ints, REFILL_AT);
  }

  get logsRead(): number {
    return Atomics.load(this.#ints, LOGS_READ);
  }

  /** A message to stop has arrived: the thread listens. */
  hearStop(): void {
    Atomics.add(this.#ints, STOPS_HEARD, 1);
  }

  setHeapUsed(bytes: number): void {
    this.#floats[HEAP_USED] = bytes;
  }

  stopReason(slot: number): StopReason | null {
    return STOP_NAMES[Atomics.load(this.#ints, slot * INTS_PER_SLOT + 1)] ?? null;
  }
}
