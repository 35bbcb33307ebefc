/**
 * The thread's side of a lane: takes frames, runs their jobs in order, at most `concurrency` at once, and answers each as soon
 * as it has ended.
 */

import type { Outcome } from "../src/job/lifecycle.js";
import type { FrameJob, FromThread } from "../src/protocol/messages.js";
import { RunContext, type RunEnvironment } from "./context.js";
import { currentRun } from "./current-run.js";
import { heapUsed } from "./heap-watch.js";
import type { Registry } from "./registry.js";
import { runJob } from "./run-job.js";

export interface LaneLoopDeps extends RunEnvironment {
  readonly concurrency: number;
  /** In bytes. */
  readonly maxResult: number;
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

  constructor(deps: LaneLoopDeps) {
    this.#deps = deps;
  }

  receiveFrame(jobs: readonly FrameJob[]): void {
    this.#queue.push(...jobs);
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

  #startMore(): void {
    while (this.#running.size < this.#deps.concurrency) {
      const job = this.#queue[this.#next];
      if (job === undefined) break;
      this.#next += 1;
      this.#start(job);
    }
    if (this.#next === this.#queue.length && this.#next > 0) {
      this.#queue = [];
      this.#next = 0;
    }
  }

  #start(frameJob: FrameJob): void {
    const { control, clock, registry, maxResult, measuresHeap } = this.#deps;
    const startedAt = clock.monotonic();
    if (!control.start(frameJob.slot, startedAt)) {
      this.#answer(frameJob.slot, { kind: "unexecuted" }, 0);
      return;
    }
    const job = registry.jobs.get(frameJob.name);
    if (job === undefined) {
      this.#end(frameJob.slot, { kind: "unregistered" }, startedAt);
      return;
    }
    if (measuresHeap) control.setHeapUsed(heapUsed());
    const context = new RunContext(frameJob, this.#deps);
    this.#running.set(frameJob.slot, context);
    const run = currentRun.enter(context, () => runJob({ frameJob, job, context, maxResult }));
    void run.then((outcome) => {
      context.end();
      this.#running.delete(frameJob.slot);
      this.#end(frameJob.slot, outcome, startedAt);
      this.#startMore();
    });
  }

  #end(slot: number, outcome: Outcome, startedAt: number): void {
    this.#deps.control.finish(slot);
    this.#answer(slot, outcome, this.#deps.clock.monotonic() - startedAt);
  }

  #answer(slot: number, outcome: Outcome, tookMs: number): void {
    const transfer = outcome.kind === "ok" ? outcome.result.attachments : [];
    this.#deps.post({ kind: "answer", slot, outcome, tookMs }, transfer);
  }
}
