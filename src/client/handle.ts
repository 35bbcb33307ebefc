/** What `enqueue` gives: one job, seen from the side that waits for it. */

import { type Duration, parseDuration } from "../job/duration.js";
import { rejectUnknownKeys, requireFunction, requireSignal } from "../job/options.js";
import type { Clock } from "../clock.js";
import type { JobId } from "../job/job-record.js";
import type { JobInfo } from "./job-info.js";
import type { Awaited } from "./awaited.js";
import { waitPatiently } from "../waiting.js";

export interface ResultOptions {
  /** Stop waiting after this long. The job goes on. */
  readonly timeout?: Duration;
  /** Stop waiting when it aborts. The job goes on. */
  readonly signal?: AbortSignal;
}

/** `cancelling`: it runs, and was asked to stop. Its thread is ended if it goes on for longer than `grace`. */
export type CancelAnswer = "cancelled" | "cancelling" | "finished";

export type ProgressListener = (fraction: number, detail: string | null) => void;

/** One job. Cheap to make and to drop; holding it keeps the job's outcome, also when the job itself is pruned. */
export interface JobHandle<Result = unknown> {
  readonly id: JobId;
  /** Nothing was stored: this is the handle of the unfinished job that holds the unique key. */
  readonly duplicate: boolean;
  /**
   * The job's result.
   *
   * @throws JobError and its kin if the job went dead, JobCancelledError, UnknownJobError, EngineStoppedError; a
   * `TimeoutError` after `timeout`; the reason of `signal`
   */
  result(options?: ResultOptions): Promise<Result>;
  /** `undefined` if the job is unknown or pruned. */
  info(): Promise<JobInfo | undefined>;
  /** As `engine.cancel(id)`. @throws UnknownJobError */
  cancel(): Promise<CancelAnswer>;
  /**
   * Calls `listener` with the progress the job tells, until it ends. A job in a busy loop is heard at most every 50 ms or so.
   *
   * @returns what ends that before
   */
  onProgress(listener: ProgressListener): () => void;
}

/** What handles need of the engine. */
export interface HandleHost {
  readonly clock: Clock;
  info(id: JobId): Promise<JobInfo | undefined>;
  cancel(id: JobId): Promise<CancelAnswer>;
  onProgress(id: JobId, listener: ProgressListener): () => void;
  /** Calls one of the two when the job has ended, and keeps the process alive until then. */
  wait(awaited: Awaited, resolve: (result: unknown) => void, reject: (error: unknown) => void): void;
  /** Makes sure that the job ends for those who await it, also when it already has. Rejects if that cannot be found out. */
  follow(id: JobId): Promise<Awaited>;
}

export class Handle<Result> implements JobHandle<Result> {
  readonly id: JobId;
  readonly duplicate: boolean;
  readonly #host: HandleHost;
  #awaited: Awaited | undefined;

  constructor(host: HandleHost, job: { readonly id: JobId; readonly duplicate: boolean; readonly awaited?: Awaited }) {
    this.#host = host;
    this.id = job.id;
    this.duplicate = job.duplicate;
    this.#awaited = job.awaited;
  }

  result(options?: ResultOptions): Promise<Result> {
    const awaited = this.#awaited;
    return options === undefined && awaited !== undefined ? this.#resultOf(awaited) : this.#resultWith(options);
  }

  /** Short, because of all ways to wait this one is taken a million times. */
  #resultOf(awaited: Awaited): Promise<Result> {
    return new Promise<unknown>((resolve, reject) => this.#host.wait(awaited, resolve, reject)) as Promise<Result>;
  }

  async #resultWith(options: ResultOptions = {}): Promise<Result> {
    rejectUnknownKeys(options, ["timeout", "signal"], "result");
    const { signal } = options;
    requireSignal(signal);
    const timeoutMs = options.timeout === undefined ? null : parseDuration(options.timeout, "timeout");
    signal?.throwIfAborted();
    this.#awaited ??= await this.#host.follow(this.id);
    const awaited = this.#awaited;
    const { clock } = this.#host;
    const what = `job ${this.id} did not end`;
    if (timeoutMs === null && signal === undefined) return this.#resultOf(awaited);
    if (awaited.ending !== undefined) return awaited.take() as Result;
    const listen = (resolve: (result: unknown) => void, reject: (error: unknown) => void): (() => void) => awaited.wait({ resolve, reject });
    return (await waitPatiently({ clock, timeoutMs, signal, what, listen })) as Result;
  }

  info(): Promise<JobInfo | undefined> {
    return this.#host.info(this.id);
  }

  cancel(): Promise<CancelAnswer> {
    return this.#host.cancel(this.id);
  }

  onProgress(listener: ProgressListener): () => void {
    requireFunction(listener, "the listener of onProgress");
    return this.#host.onProgress(this.id, listener);
  }
}
