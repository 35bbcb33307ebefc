/** Who waits for which job, and how jobs end for them. */

import {
  EngineStoppedError,
  JobCancelledError,
  JobError,
  type JobIdentity,
  JobTimeoutError,
  CrashLoopError,
  PayloadLostError,
  JobOutOfMemoryError,
  ThreadExitedError,
  UnknownJobError,
} from "../errors.js";
import type { Clock } from "../clock.js";
import { type Failure, isFinished, type JobId, type JobRow } from "../job/job-record.js";
import type { Outcome, Transition } from "../job/lifecycle.js";
import type { Encoded } from "../job/payload.js";
import { fromWireError } from "../protocol/wire-error.js";
import { type Awaited, type Ending, movedError, type Waiter } from "./awaited.js";
import { AwaitedJobs } from "./awaited-jobs.js";
import type { ProgressListener } from "./handle.js";

/** The unfinished jobs that handles were given out of. */
export class Results {
  readonly #clock: Pick<Clock, "hold">;
  readonly #onWait: () => void;
  readonly #jobs = new AwaitedJobs();
  readonly #watchers = new Map<JobId, Set<ProgressListener>>();
  /** How many jobs keep the process alive, since somebody waits for them. */
  #heldFor = 0;
  #release: (() => void) | undefined;
  #stopped: Ending | undefined;

  /** @param onWait somebody waits, where nobody did */
  constructor(clock: Pick<Clock, "hold">, onWait: () => void = () => undefined) {
    this.#clock = clock;
    this.#onWait = onWait;
  }

  /** A job that is being enqueued here. */
  expect(id: JobId): Awaited {
    return this.#jobs.add(id);
  }

  /** Any job. Shared by all handles of it. */
  open(id: JobId): Awaited {
    const awaited = this.#jobs.open(id);
    // Whoever asked before the stop, and comes to wait only now, would wait for ever.
    if (this.#stopped !== undefined) awaited.settle(this.#stopped);
    return awaited;
  }

  /** Calls one of the two when a job has ended, and keeps the process alive until then. */
  wait(awaited: Awaited, resolve: Waiter["resolve"], reject: Waiter["reject"]): void {
    if (awaited.ending === undefined && !awaited.isHeld) {
      awaited.isHeld = true;
      this.#heldFor += 1;
      if (this.#release === undefined) this.#onWait();
      this.#release ??= this.#clock.hold();
    }
    awaited.wait({ resolve, reject });
  }

  /** Those of the ids that somebody may want to hear of. */
  known(ids: readonly JobId[]): JobId[] {
    return ids.filter((id) => this.#jobs.get(id) !== undefined || this.#watchers.has(id));
  }

  /** All that somebody may want to hear of. */
  ids(): JobId[] {
    return [...this.#jobs.ids(), ...this.#watchers.keys()];
  }

  settle(id: JobId, ending: Ending): void {
    const awaited = this.#drop(id);
    if (awaited === undefined) return;
    if (awaited.isHeld) this.#letGo();
    awaited.settle(ending);
  }

  /** One of those who opened it does not await it any more. */
  forget(id: JobId, awaited: Awaited): void {
    // It may have ended meanwhile, and others may await what comes after a `retry`.
    if (this.#jobs.get(id) !== awaited) return;
    awaited.holders -= 1;
    if (awaited.holders === 0) this.#drop(id);
  }

  #letGo(): void {
    this.#heldFor -= 1;
    if (this.#heldFor > 0) return;
    this.#release?.();
    this.#release = undefined;
  }

  #drop(id: JobId): Awaited | undefined {
    if (this.#watchers.size > 0) this.#watchers.delete(id);
    return this.#jobs.delete(id);
  }

  /**
   * Tells how far a job is, until it ends.
   *
   * @returns what ends that before
   */
  watch(id: JobId, listener: ProgressListener): () => void {
    const watchers = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, watchers);
    // An entry of its own, so that the same function may listen twice.
    const entry: ProgressListener = (fraction, detail) => listener(fraction, detail);
    watchers.add(entry);
    return () => void watchers.delete(entry);
  }

  tellProgress(id: JobId, fraction: number, detail: string | null): void {
    for (const listener of [...(this.#watchers.get(id) ?? [])]) listener(fraction, detail);
  }

  stop(): void {
    const ending: Ending = { kind: "failed", error: new EngineStoppedError("the engine was stopped before the job ended") };
    this.#stopped = ending;
    for (const awaited of this.#jobs.all()) awaited.settle(ending);
    this.#jobs.clear();
    this.#watchers.clear();
    this.#heldFor = 0;
    this.#release?.();
  }
}

/** The ending of a row; `undefined` while the job is not finished. */
export function endingOf(row: JobRow | undefined, id: JobId): Ending | undefined {
  if (row === undefined) return { kind: "failed", error: new UnknownJobError(`no job ${id} is known`) };
  if (!isFinished(row.state)) return undefined;
  // Looked at before its failure, which may be that of an earlier run.
  if (row.resultMoved) return { kind: "failed", error: movedError({ id, name: row.name, runs: row.attempt }) };
  if (row.state === "completed") {
    return { kind: "completed", result: { bytes: row.result ?? new Uint8Array(), attachments: [] }, moved: null };
  }
  return { kind: "failed", error: errorOf(row) };
}

/** The ending of a job whose run has ended here; `undefined` if it is not finished by that. */
export function endingOfRun({ job, outcome, transition }: { readonly job: JobRow; readonly outcome: Outcome; readonly transition: Transition }): Ending | undefined {
  if (!isFinished(transition.to)) return undefined;
  if (outcome.kind === "ok") return endingOfResult(outcome.result, job);
  return endingOf({ ...job, ...transition, state: transition.to, finishedAt: transition.at }, job.id);
}

export function endingOfResult(result: Encoded, { id, name, attempt }: Pick<JobRow, "id" | "name" | "attempt">): Ending {
  return { kind: "completed", result, moved: result.attachments.length > 0 ? { id, name, runs: attempt } : null };
}

function errorOf({ id, name, attempt, state, failure }: JobRow): Error {
  if (state === "cancelled" || failure === null) return new JobCancelledError(`job "${name}" (${id}) was cancelled`);
  return failureError(failure, { id, name, runs: attempt });
}

function failureError(failure: Failure, job: JobIdentity): Error {
  const cause = fromWireError(failure.error);
  const runs = job.runs === 1 ? "1 run" : `${job.runs} runs`;
  const message = `job "${job.name}" (${job.id}) failed after ${runs}: ${failure.error.message}`;
  switch (failure.reason) {
    case "threw":
    case "invalid":
      return new JobError(message, job, { cause });
    case "timeout":
      return new JobTimeoutError(message, job, { stuckAt: failure.error.stack, cause });
    case "exit":
      return new ThreadExitedError(message, job, { exitCode: failure.exitCode, cause });
    case "memory":
      return new JobOutOfMemoryError(message, job, { ...heapOf(failure), cause });
    case "lost":
      return new PayloadLostError(message, job, { cause });
    case "crash_loop":
      return new CrashLoopError(message, job, { cause });
  }
}

/** What the dispatcher noted of the heap. */
function heapOf({ error: { props } }: Failure): { readonly limit: number | null; readonly used: number | null } {
  const bytes = (value: unknown): number | null => (typeof value === "number" ? value : null);
  return { limit: bytes(props?.["limit"]), used: bytes(props?.["used"]) };
}
