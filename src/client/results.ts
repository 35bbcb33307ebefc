/** Who waits for which job. Knows the jobs that this engine enqueued, or somebody awaits, until they end. */

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
import type { ProgressListener } from "./handle.js";
import { packBytes, type PackedBytes, unpackBytes } from "../job/packed-bytes.js";
import { decode, type Encoded } from "../job/payload.js";
import { fromWireError } from "../protocol/wire-error.js";

/** How a job ended, as it is told to whoever awaits it. */
export type Ending =
  | {
      readonly kind: "completed";
      readonly result: Encoded;
      /** Whose result it is, if that was moved and so exists only once. */
      readonly moved: JobIdentity | null;
    }
  /** The same, told already. */
  | { readonly kind: "kept"; readonly result: PackedBytes }
  | { readonly kind: "failed"; readonly error: Error };

interface Waiter {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Ends once. Settled before anyone awaits it, it keeps the ending. */
export class Awaited {
  #ending: Ending | undefined;
  // A million jobs may be awaited, each by one: only the second makes a list.
  #first: Waiter | undefined;
  #others: Waiter[] | undefined;
  /** How many have opened it. */
  holders = 0;
  /** The process is kept alive until it ends. */
  isHeld = false;

  get ending(): Ending | undefined {
    return this.#ending;
  }

  /**
   * The result. One that was moved goes to the first who asks, and is not kept.
   *
   * @throws the error of a job that failed
   */
  take(): unknown {
    const ending = this.#ending;
    if (ending === undefined) throw new TypeError("it has not ended");
    if (ending.kind === "failed") throw ending.error;
    if (ending.kind === "kept") return decode({ bytes: unpackBytes(ending.result), attachments: [] }, "result");
    if (ending.moved !== null) this.#ending = { kind: "failed", error: movedError(ending.moved) };
    return decode(ending.result, "result");
  }

  settle(ending: Ending): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    const [first, others] = [this.#first, this.#others];
    this.#first = this.#others = undefined;
    if (first !== undefined) this.#tell(first);
    for (const other of others ?? []) this.#tell(other);
    this.#pack();
  }

  /** Calls one of the two when it ends. Who waits first is told first. @returns what ends the wait */
  wait(waiter: Waiter): () => void {
    if (this.#ending !== undefined) this.#tell(waiter);
    else if (this.#first === undefined && this.#others === undefined) this.#first = waiter;
    else (this.#others ??= []).push(waiter);
    return () => {
      if (this.#first === waiter) this.#first = undefined;
      else this.#others = this.#others?.filter((other) => other !== waiter);
    };
  }

  #tell({ resolve, reject }: Waiter): void {
    let result: unknown;
    try {
      result = this.take();
    } catch (error) {
      return reject(error);
    }
    resolve(result);
  }

  /** Bytes that lie among those of others would keep all of them in memory, for whoever keeps a handle. */
  #pack(): void {
    if (this.#ending?.kind !== "completed" || this.#ending.moved !== null) return;
    this.#ending = { kind: "kept", result: packBytes(this.#ending.result.bytes) };
  }
}

/** The unfinished jobs that handles were given out of. */
export class Results {
  readonly #clock: Pick<Clock, "hold">;
  readonly #byId = new Map<JobId, Awaited>();
  readonly #watchers = new Map<JobId, Set<ProgressListener>>();
  /** How many jobs keep the process alive, since somebody waits for them. */
  #heldFor = 0;
  #release: (() => void) | undefined;

  constructor(clock: Pick<Clock, "hold">) {
    this.#clock = clock;
  }

  /** Shared by all handles of a job. */
  open(id: JobId): Awaited {
    let awaited = this.#byId.get(id);
    if (awaited === undefined) this.#byId.set(id, (awaited = new Awaited()));
    awaited.holders += 1;
    return awaited;
  }

  /** Calls one of the two when a job has ended, and keeps the process alive until then. */
  wait(awaited: Awaited, resolve: Waiter["resolve"], reject: Waiter["reject"]): void {
    if (awaited.ending === undefined && !awaited.isHeld) {
      awaited.isHeld = true;
      this.#heldFor += 1;
      this.#release ??= this.#clock.hold();
    }
    awaited.wait({ resolve, reject });
  }

  /** Those of the ids that somebody has a handle of. */
  known(ids: readonly JobId[]): JobId[] {
    return ids.filter((id) => this.#byId.has(id));
  }

  settle(id: JobId, ending: Ending): void {
    const awaited = this.#byId.get(id);
    if (awaited === undefined) return;
    this.#drop(id);
    if (awaited.isHeld) this.#letGo();
    awaited.settle(ending);
  }

  /** One of those who opened it does not await it any more. */
  forget(id: JobId, awaited: Awaited): void {
    // It may have ended meanwhile, and others may await what comes after a `retry`.
    if (this.#byId.get(id) !== awaited) return;
    awaited.holders -= 1;
    if (awaited.holders === 0) this.#drop(id);
  }

  #letGo(): void {
    this.#heldFor -= 1;
    if (this.#heldFor > 0) return;
    this.#release?.();
    this.#release = undefined;
  }

  #drop(id: JobId): void {
    this.#byId.delete(id);
    if (this.#watchers.size > 0) this.#watchers.delete(id);
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
    const error = new EngineStoppedError("the engine was stopped before the job ended");
    for (const awaited of this.#byId.values()) awaited.settle({ kind: "failed", error });
    this.#byId.clear();
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

export function endingOfResult(result: Encoded, { id, name, attempt }: Pick<JobRow, "id" | "name" | "attempt">): Ending {
  return { kind: "completed", result, moved: result.attachments.length > 0 ? { id, name, runs: attempt } : null };
}

function errorOf({ id, name, attempt, state, failure }: JobRow): Error {
  if (state === "cancelled" || failure === null) return new JobCancelledError(`job "${name}" (${id}) was cancelled`);
  return failureError(failure, { id, name, runs: attempt });
}

function movedError(job: JobIdentity): PayloadLostError {
  return new PayloadLostError(`the result of job "${job.name}" (${job.id}) was moved to whoever awaited it first`, job);
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
