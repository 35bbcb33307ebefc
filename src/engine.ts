/** What users hold: each call, checked and passed on to the room that does it. */

import type { DrainOptions } from "./client/drain.js";
import type { CancelAnswer, JobHandle } from "./client/handle.js";
import type { EngineStats, JobInfo, JobPage, ListOptions } from "./client/job-info.js";
import type { EveryOptions, ScheduleHandle, ScheduleInfo } from "./client/schedules.js";
import { type EngineOptions, startQueues } from "./config.js";
import type { EngineEvents } from "./events.js";
import type { JobSpec, ResultOf } from "./job/define-job.js";
import { type Duration, parseDuration } from "./job/duration.js";
import type { EnqueueOptions, Payload, PayloadAndOptions } from "./job/enqueue-options.js";
import type { JobId } from "./job/job-record.js";
import { ENQUEUE_OPTIONS } from "./job/job-request.js";
import { rejectUnknownKeys, requireId, requireSignal } from "./job/options.js";
import { Rooms } from "./rooms.js";
import type { StopReport } from "./runner.js";
import type { Seams } from "./seams.js";
import { onAbort } from "./waiting.js";

type Result<Spec> = Spec extends JobSpec ? ResultOf<Spec> : unknown;

/**
 * Made by `createEngine`. A call rejects with an `OptionsError` if an argument is wrong, with a `StorageError` if the storage
 * fails, and with an `EngineStoppedError` after `stop`; what else it may throw is said at each.
 */
export class Engine implements AsyncDisposable {
  readonly #rooms: Rooms;

  /** @internal Use `createEngine`. */
  constructor(options: EngineOptions, seams: Partial<Seams> = {}) {
    this.#rooms = new Rooms(options, seams);
  }

  /**
   * Starts to run jobs. Resolves when every configured queue has a ready thread.
   *
   * @throws JobsModuleError if the jobs module or its state factory fails; OptionsError without `jobs`; StorageError also if another
   * started engine owns the storage
   */
  start(): Promise<void> {
    return this.#rooms.start();
  }

  /**
   * Takes no more jobs, lets those that run finish, gives the rest back, and frees everything. Always resolves, a little after
   * `timeout` at the latest; a second call gives the same report.
   *
   * @param options.timeout for the jobs that run; default `"30s"`
   * @throws OptionsError if it is no duration; nothing is stopped then
   */
  async stop(options: { readonly timeout?: Duration } = {}): Promise<StopReport> {
    rejectUnknownKeys(options, ["timeout"], "stop");
    const { timeout = "30s" } = options;
    return this.#rooms.stop(parseDuration(timeout, "timeout"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** From now on only work keeps the process alive: jobs that run, and calls that are awaited. */
  unref(): void {
    this.#rooms.unref();
  }

  /**
   * Stores a job. Resolves once it is as durable as the storage says.
   *
   * @param job a definition, or a name: then the payload is untyped and the policy is the default one
   * @throws PayloadError, ValidationError, QueueFullError, the reason of `signal`. After any error nothing is stored, unless the
   * storage failed in the middle of a write
   * @example const job = await engine.enqueue(thumbnail, { path: "a.png", width: 320 }, { delay: "5s" });
   */
  enqueue<Spec extends JobSpec | string>(job: Spec, ...rest: PayloadAndOptions<Spec, EnqueueOptions>): Promise<JobHandle<Result<Spec>>>;
  enqueue(job: JobSpec | string, payload?: unknown, options?: EnqueueOptions): Promise<JobHandle> {
    // Not async: of all calls this one is made a million times.
    try {
      this.#rooms.requireRunning();
      return this.#rooms.client.enqueue(job, payload, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Stores many jobs, one write per slice. Of an array nothing is stored if one payload is bad, or if not all of it fits into
   * its queue (`maxQueued`); what an iterable or async iterable gives is stored slice by slice, each whole or not at all.
   * With a `signal` both wait for room job by job, and no more is taken from an iterable than has room, and one slice; when
   * it aborts, what is stored stays.
   *
   * @returns handles in the order of the payloads
   * @throws PayloadError, ValidationError
   */
  async enqueueMany<Spec extends JobSpec | string>(
    job: Spec,
    payloads: Iterable<Payload<Spec>> | AsyncIterable<Payload<Spec>>,
    options?: Omit<EnqueueOptions, "transfer">,
  ): Promise<readonly JobHandle<Result<Spec>>[]> {
    this.#rooms.requireRunning();
    return (await this.#rooms.client.enqueueMany(job, payloads, options)) as readonly JobHandle<Result<Spec>>[];
  }

  /**
   * Enqueues a job and waits for its result, as with a bare pool.
   *
   * @param options.signal aborting it cancels the job; until it is stored, it waits for room in a full queue
   * @throws what `enqueue` and `result` throw; the reason of `signal`
   */
  run<Spec extends JobSpec | string>(job: Spec, ...rest: PayloadAndOptions<Spec, EnqueueOptions>): Promise<Result<Spec>>;
  async run(job: JobSpec | string, payload?: unknown, options?: EnqueueOptions): Promise<unknown> {
    if (options === undefined) return (await this.enqueue(job, payload)).result();
    rejectUnknownKeys(options, ENQUEUE_OPTIONS, "run");
    const { signal } = options;
    requireSignal(signal);
    signal?.throwIfAborted();
    const handle = await this.enqueue(job, payload, options);
    const cancel = (): void => void handle.cancel().catch((error: unknown) => this.#rooms.events.emit("error", { error }));
    if (signal?.aborted === true) cancel();
    const stopHearing = signal === undefined ? undefined : onAbort(signal, cancel);
    try {
      return await handle.result(signal === undefined ? {} : { signal });
    } finally {
      stopHearing?.();
    }
  }

  /**
   * Enqueues a job now and then at a fixed rate, without drift. What is missed in a stall or while the process is down is one
   * tick. Only a started engine ticks.
   *
   * @throws PayloadError, ValidationError
   * @example await engine.every("10m", cleanUp, { olderThan: "7d" }, { overlap: "skip" });
   */
  // Four parameters, because it reads as a sentence: every "10m", do this, with that.
  // eslint-disable-next-line max-params
  async every<Spec extends JobSpec | string>(interval: Duration, job: Spec, payload: Payload<Spec>, options: EveryOptions = {}): Promise<ScheduleHandle> {
    this.#rooms.requireRunning();
    return this.#rooms.schedules.every({ interval, job, payload, options });
  }

  /** What `every` has set up and nobody has cancelled, by this engine or another one of the storage. */
  async schedules(): Promise<readonly ScheduleInfo[]> {
    await this.#rooms.ready();
    return this.#rooms.schedules.list();
  }

  /**
   * A handle of a job that may have been enqueued elsewhere. Nothing is looked up before the handle is used.
   *
   * @param _definition types the result
   */
  job<Spec extends JobSpec = JobSpec>(id: JobId, _definition?: Spec): JobHandle<ResultOf<Spec>> {
    requireId(id);
    return this.#rooms.handleOf(id) as JobHandle<ResultOf<Spec>>;
  }

  /** `undefined` for an unknown or pruned job. */
  async info(id: JobId): Promise<JobInfo | undefined> {
    await this.#rooms.ready();
    return this.#rooms.control.info(id);
  }

  /** Jobs in the order in which they were enqueued, a page at a time. */
  async list(options?: ListOptions): Promise<JobPage> {
    await this.#rooms.ready();
    return this.#rooms.control.list(options);
  }

  /** Every queue in numbers: those that are configured, and those that have or had jobs. */
  async stats(): Promise<EngineStats> {
    await this.#rooms.ready();
    return this.#rooms.control.stats(startQueues(this.#rooms.config));
  }

  /**
   * Cancels a job. One that runs is asked to stop, and is ended with its thread if it goes on for longer than `grace`.
   *
   * @throws UnknownJobError
   */
  async cancel(id: JobId): Promise<CancelAnswer> {
    await this.#rooms.ready();
    return this.#rooms.control.cancel(id);
  }

  /**
   * Runs a finished job once more, or one that waits for its time at once; its attempts start again.
   *
   * @throws UnknownJobError, DuplicateJobError, PayloadLostError, OptionsError while it runs
   */
  async retry(id: JobId): Promise<JobHandle> {
    await this.#rooms.ready();
    await this.#rooms.control.retry(id);
    return this.#rooms.handleOf(id);
  }

  /**
   * Deletes a job. Whoever awaits it gets an `UnknownJobError`.
   *
   * @throws UnknownJobError, OptionsError while it runs
   */
  async remove(id: JobId): Promise<void> {
    await this.#rooms.ready();
    await this.#rooms.control.remove(id);
  }

  /** No job of the queue is started until `resume`. Those that run go on. */
  async pause(queue: string): Promise<void> {
    await this.#rooms.ready();
    await this.#rooms.control.pause(queue, true);
  }

  /** Ends a `pause`. */
  async resume(queue: string): Promise<void> {
    await this.#rooms.ready();
    await this.#rooms.control.pause(queue, false);
  }

  /**
   * Resolves when nothing is waiting, running or retrying in queues that are neither paused nor without threads. Scheduled jobs
   * and jobs whose name no thread knows do not count.
   *
   * @throws a `TimeoutError` after `timeout`; the reason of `signal`
   */
  async drain(options?: DrainOptions): Promise<void> {
    await this.#rooms.ready();
    await this.#rooms.client.settle();
    await this.#rooms.drains.wait(options);
  }

  /**
   * Calls `listener` at each event of this name; what it throws is an `error` event.
   *
   * @returns what removes the listener
   * @throws OptionsError for a name that is no event
   */
  on<Name extends keyof EngineEvents>(event: Name, listener: (event: EngineEvents[Name]) => void): () => void {
    return this.#rooms.events.on(event, listener);
  }
}

/**
 * Makes an engine. Nothing is opened or started yet.
 *
 * @throws OptionsError
 * @example
 * const engine = createEngine({ jobs: new URL("./jobs.js", import.meta.url) });
 */
export function createEngine(options: EngineOptions = {}): Engine {
  return new Engine(options);
}
