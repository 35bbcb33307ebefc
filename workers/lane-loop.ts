/**
 * The thread's side of a lane: takes frames, runs their jobs in order, at most `concurrency` at once, and answers each as soon
 * as it has ended, mostly in shared memory. The main side is told to look there when the lane has nothing to run, and every so
 * often before; what it must not wait for, because the thread is busy with the next job, it looks for by itself.
 */

import type { Outcome } from "../src/job/lifecycle.js";
import { type Frame, unpackFrame } from "../src/protocol/frame.js";
import type { FrameJob, FromThread } from "../src/protocol/messages.js";
import { RunContext, type RunEnvironment } from "./context.js";
import { currentRun } from "./current-run.js";
import { heapUsed } from "./heap-watch.js";
import type { Registry } from "./registry.js";
import { runJob } from "./run-job.js";

/** So long answers may pile up while short jobs follow one another. Less than the 5 ms after which the main side looks by itself. */
const RING_MS = 4;

export interface LaneLoopDeps extends RunEnvironment {
  readonly concurrency: number;
  /** In bytes. */
  readonly maxResult: number;
  readonly movesResults: boolean;
  readonly measuresHeap: boolean;
  readonly registry: Registry;
  readonly post: (message: FromThread, transfer?: readonly ArrayBuffer[]) => void;
}

export class LaneLoop {
  readonly #deps: LaneLoopDeps;
  /** Received and not started, in order. `#next` moves through it, so that taking one costs nothing. */
  #queue: FrameJob[] = [];
  #next = 0;
  readonly #running = new Map<number, RunContext>();
  /** There are answers that the main side was not told of. */
  #hasUnrung = false;
  /** When it was told last, or the lane began to work. */
  #rungAt = 0;
  /** Jobs that were started here, or found to be taken back, as an integer that wraps. */
  #taken = 0;
  /** How many had been sent when it was told that few of them are left. */
  #rungFor = 0;
  #willRing = false;

  constructor(deps: LaneLoopDeps) {
    this.#deps = deps;
  }

  receiveFrame(frame: Frame): void {
    if (!this.#hasUnrung) this.#rungAt = this.#deps.clock.monotonic();
    this.#queue.push(...unpackFrame(frame));
    this.#startMore();
  }

  /** Wakes the code of this job that waits on its signal. */
  passStopOn(slot: number): void {
    this.#deps.control.hearStop();
    this.#running.get(slot)?.passStopOn();
  }

  answerKnock(): void {
    this.#deps.control.hearStop();
    this.#deps.post({ kind: "heard" });
  }

  /** Not started yet, here or in frames that have not arrived. */
  get #waiting(): number {
    return (this.#deps.control.sent - this.#taken) | 0;
  }

  #startMore(): void {
    const { clock, concurrency } = this.#deps;
    // Where one sync job follows another, the end of the one is the start of the next.
    let now = clock.monotonic();
    while (this.#running.size < concurrency) {
      const job = this.#queue[this.#next];
      if (job === undefined) break;
      this.#next += 1;
      now = this.#start(job, now);
    }
    if (this.#next === this.#queue.length && this.#next > 0) {
      this.#queue = [];
      this.#next = 0;
    }
    this.#ringSoon();
  }

  /** @returns the time when that is done */
  #start(frameJob: FrameJob, startedAt: number): number {
    const { control, clock, registry, maxResult, movesResults, measuresHeap } = this.#deps;
    const { slot } = frameJob;
    this.#taken = (this.#taken + 1) | 0;
    if (!control.start(slot, startedAt)) {
      this.#post(slot, { kind: "unexecuted" }, 0);
      return startedAt;
    }
    const job = registry.jobs.get(frameJob.name);
    if (job === undefined) return this.#end(slot, { kind: "unregistered" }, { startedAt, hasSpoken: false });
    if (measuresHeap) control.setHeapUsed(heapUsed());
    const context = new RunContext(frameJob, this.#deps);
    const ended = (outcome: Outcome): number => {
      context.end();
      this.#running.delete(slot);
      return this.#end(slot, outcome, { startedAt, hasSpoken: context.hasSpoken });
    };
    this.#running.set(slot, context);
    const run = currentRun.enter(context, () => runJob({ frameJob, job, context, maxResult, movesResults }));
    if ("kind" in run) return ended(run);
    void run.then((outcome) => {
      ended(outcome);
      this.#startMore();
    });
    return clock.monotonic();
  }

  /** @returns the time of the end */
  #end(slot: number, outcome: Outcome, { startedAt, hasSpoken }: { readonly startedAt: number; readonly hasSpoken: boolean }): number {
    const { control, clock } = this.#deps;
    control.finish(slot);
    const now = clock.monotonic();
    const isPlain = outcome.kind === "ok" && outcome.result.attachments.length === 0;
    // What a run has said must arrive before its end.
    if (!isPlain || hasSpoken || !control.answers.write(slot, now - startedAt, outcome.result.bytes)) {
      this.#post(slot, outcome, now - startedAt);
      return now;
    }
    this.#hasUnrung = true;
    if (now - this.#rungAt >= RING_MS || this.#isRunningDry()) this.#ring(now);
    return now;
  }

  /** Once for what was sent: each message costs both sides, but waiting for the next job costs more. */
  #isRunningDry(): boolean {
    const { sent, refillAt } = this.#deps.control;
    if (sent === this.#rungFor || this.#waiting > refillAt) return false;
    this.#rungFor = sent;
    return true;
  }

  #post(slot: number, outcome: Outcome, tookMs: number): void {
    const transfer = outcome.kind === "ok" ? outcome.result.attachments : [];
    this.#deps.post({ kind: "answer", slot, outcome, tookMs }, transfer);
  }

  /** At once if nothing more is to be started, else when those that run have come to a rest. */
  #ringSoon(): void {
    if (!this.#hasUnrung) return;
    if (this.#waiting <= 0) return this.#ring(this.#deps.clock.monotonic());
    // The next frame is about to arrive.
    if (this.#willRing || (this.#running.size === 0 && this.#queue.length === 0)) return;
    this.#willRing = true;
    this.#deps.clock.endOfTurn(() => {
      this.#willRing = false;
      this.#ring(this.#deps.clock.monotonic());
    });
  }

  #ring(now: number): void {
    if (!this.#hasUnrung) return;
    this.#hasUnrung = false;
    this.#rungAt = now;
    if (this.#deps.control.answers.ring()) this.#deps.post({ kind: "answers" });
  }
}
