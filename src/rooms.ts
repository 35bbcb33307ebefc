/** The composition root: makes the rooms, joins them by callbacks, opens, starts and stops them. The only file that knows everybody. */

import { Client } from "./client/client.js";
import { Control } from "./client/control.js";
import { Drains } from "./client/drain.js";
import { Handle, type HandleHost, type JobHandle } from "./client/handle.js";
import { Endings } from "./client/endings.js";
import { endingOfRun, Results } from "./client/results.js";
import { Schedules } from "./client/schedules.js";
import { type Clock, systemClock } from "./clock.js";
import { type Config, type EngineOptions, maxQueuedOf, parseConfig, warnOfTooManyThreads } from "./config.js";
import type { Settlement } from "./dispatch/completer.js";
import type { Pool } from "./dispatch/pool.js";
import { ThreadPool } from "./dispatch/thread-pool.js";
import { EngineStoppedError, OptionsError } from "./errors.js";
import { Events } from "./events.js";
import { jobIds } from "./job/job-id.js";
import { isFinished, type JobId, type JobRow } from "./job/job-record.js";
import type { HostApi } from "./protocol/host-api.js";
import { LAST_WRITES_MS, Runner, type StopReport } from "./runner.js";
import type { Seams } from "./seams.js";
import { StartReminder } from "./start-reminder.js";
import { type BoundedStorage, boundedStorage } from "./storage/bounded-storage.js";
import { memoryStorage } from "./storage/memory/memory-storage.js";
import type { StorageChange } from "./storage/storage.js";
import { Breather, settledWithin, TurnBatch } from "./waiting.js";

const STORAGE_TIMEOUT_MS = 30_000;
const DISPOSE_TIMEOUT_MS = 2_000;

export class Rooms {
  readonly config: Config;
  readonly events: Events = new Events();
  readonly client: Client;
  readonly control: Control;
  readonly schedules: Schedules;
  readonly drains: Drains;
  readonly #storage: BoundedStorage;
  readonly #clock: Clock;
  readonly #results: Results;
  readonly #reminder: StartReminder;
  readonly #breather: Breather;
  readonly #endings: Endings;
  readonly #handles: HandleHost;
  readonly #createPool: Seams["createPool"] | undefined;
  // What the storage tells. What we wrote ourselves is told of before the turn is over, and a turn of many writes is one look.
  readonly #ready: TurnBatch<string>;
  readonly #finished: TurnBatch<JobId>;
  #opened: Promise<void> | undefined;
  #unsubscribe: (() => void) | undefined;
  #runner: Runner | undefined;
  /** Of runners that failed to start. */
  #formerNames: string[] = [];
  #started: Promise<void> | undefined;
  #stopped: Promise<StopReport> | undefined;
  /** What jobs enqueue while they finish is still stored after `stop` was called, and nothing after this. */
  #isClosed = false;
  /** Ends what keeps the process alive. */
  #release: (() => void) | undefined;
  #isHeld = true;

  readonly #threadPool: Seams["createPool"] = (queue, config, around): Pool => {
    const { jobsUrl, bootTimeoutMs, execArgv, env } = this.config;
    const { threads, concurrency, resourceLimits, maxHeapPerThread } = config;
    return new ThreadPool({
      ...{ queue, threads, concurrency, resourceLimits, maxHeapPerThread, bootTimeoutMs, execArgv, env, ...around },
      jobsUrl: jobsUrl ?? "",
      clock: this.#clock,
    });
  };

  constructor(options: EngineOptions, seams: Partial<Seams>) {
    this.config = parseConfig(options);
    const { events, config: { maxPayload, maxDepth } } = this;
    const clock = (this.#clock = seams.clock ?? systemClock());
    this.#reminder = new StartReminder(clock, this.config.jobsUrl !== null);
    const results = (this.#results = new Results(clock, () => this.#reminder.note()));
    this.#breather = new Breather(clock);
    this.#ready = new TurnBatch(clock, (queues) => this.#runner?.refresh([...new Set(queues)]));
    this.#finished = new TurnBatch(clock, (ids) => this.#onFinished(ids));
    const limit = { ms: STORAGE_TIMEOUT_MS, clock, onDoubt: (ids: readonly JobId[]): void => this.#onDoubt(ids) };
    const storage = (this.#storage = boundedStorage(options.storage ?? memoryStorage(), limit));
    this.#endings = new Endings({ storage, clock, results, onError: (error) => events.emit("error", { error }) });
    this.#createPool = seams.createPool;
    this.client = new Client({
      ...{ storage, clock, events, maxPayload, maxDepth },
      limits: maxQueuedOf(this.config),
      ready: () => this.#breather.breathe().then(() => this.#open()),
      onStored: (jobs) => this.#runner?.noteStored(jobs),
      expect: (id) => results.expect(id),
      forget: (id, awaited) => results.forget(id, awaited),
      // A duplicate may have ended meanwhile, so it is looked up when somebody awaits it.
      toHandle: ({ id, duplicate }, awaited) => new Handle(this.#handles, duplicate ? { id, duplicate } : { id, duplicate, awaited }),
    });
    this.control = new Control({
      ...{ storage, clock, events, results },
      running: () => this.#runner?.queues,
      onCancelling: (id) => this.#runner?.cancel([id]),
      onChange: (row) => this.#onChange(row),
      onDoubt: (id) => this.#onDoubt([id]),
    });
    this.schedules = new Schedules({ storage, clock, maxPayload, ready: () => this.ready(), onChange: () => this.#runner?.refreshSchedules() });
    this.drains = new Drains({ storage, clock, names: (queue) => this.#runner?.queues.names(queue) });
    events.on("progress", ({ id, fraction, detail }) => results.tellProgress(id, fraction, detail));
    this.#handles = {
      clock,
      info: (id) => this.ready().then(() => this.control.info(id)),
      cancel: (id) => this.ready().then(() => this.control.cancel(id)),
      onProgress: (id, listener) => {
        const off = results.watch(id, listener);
        // Looked up, so that nothing is left of it if the job has ended already.
        this.#handles.follow(id).catch(() => undefined);
        return off;
      },
      wait: (awaited, resolve, reject) => results.wait(awaited, resolve, reject),
      follow: (id) => this.ready().then(() => this.#endings.follow(id)),
    };
  }

  start(): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(stoppedError());
    this.#reminder.stop();
    this.#started ??= this.#start().catch((error: unknown) => {
      this.#started = undefined;
      throw error;
    });
    return this.#started;
  }

  stop(timeoutMs: number): Promise<StopReport> {
    this.#stopped ??= this.#stop(timeoutMs);
    return this.#stopped;
  }

  unref(): void {
    this.#isHeld = false;
    this.#release?.();
    this.#runner?.queues.unref();
  }

  /** Resolves when the storage is open. @throws EngineStoppedError */
  async ready(): Promise<void> {
    this.requireRunning();
    await this.#breather.breathe();
    await this.#open();
  }

  /** @throws EngineStoppedError */
  requireRunning(): void {
    if (this.#stopped !== undefined) throw stoppedError();
  }

  /** A handle of a job that may have been enqueued elsewhere. */
  handleOf(id: JobId): JobHandle {
    return new Handle(this.#handles, { id, duplicate: false });
  }

  async #start(): Promise<void> {
    if (this.config.jobsUrl === null && this.#createPool === undefined) throw new OptionsError("jobs is needed to start an engine");
    this.#release = this.#clock.hold();
    warnOfTooManyThreads(this.config);
    try {
      await this.#open();
      this.requireRunning();
      const runner = this.#newRunner();
      this.#runner = runner;
      await runner.start();
      this.#formerNames = [];
      if (!this.#isHeld) this.unref();
    } catch (error) {
      this.#runner = undefined;
      this.#release();
      // Whatever a stop has cut off has failed because of it.
      throw this.#stopped === undefined ? error : new EngineStoppedError("the engine was stopped while it started", { cause: error });
    }
  }

  #newRunner(): Runner {
    const { maxPayload, maxResult } = this.config;
    const host: HostApi = { enqueue: (request) => this.client.storeFromJob({ ...request, attachments: [] }) };
    const around = { host, maxPayload, maxResult, movesResults: this.#storage.supports.transfer, disposeTimeoutMs: DISPOSE_TIMEOUT_MS };
    return new Runner({
      ...{ config: this.config, clock: this.#clock, events: this.events, formerNames: [...this.#formerNames], name: this.#newName() },
      ...{ storage: this.client.admission.hearing(this.#storage), limits: this.client.admission },
      createPool: (queue, config) => (this.#createPool ?? this.#threadPool)(queue, config, around),
      newJob: (template) => this.client.prepare({ ...template, attachments: [], depth: 0, runAt: null, delayMs: null }),
      isAwaited: (id) => this.#results.known([id]).length > 0,
      onSettled: (settlement) => this.#onSettled(settlement),
      onRefused: (id) => this.#endings.note([id]),
      onNames: () => this.drains.look(),
      onCancelWanted: (id) => void this.control.cancel(id).catch((error: unknown) => this.events.emit("error", { error })),
    });
  }

  /** A new one each time: what was done under an old one cannot harm the new one when it comes late. */
  #newName(): string {
    const name = jobIds(this.#clock)();
    this.#formerNames.push(name);
    return name;
  }

  async #stop(timeoutMs: number): Promise<StopReport> {
    const limit = { ms: LAST_WRITES_MS, clock: this.#clock };
    const release = this.#clock.hold();
    this.#reminder.stop();
    void this.client.admission.stop(stoppedError());
    const report = (await this.#runner?.stop(timeoutMs)) ?? { completed: 0, returned: 0 };
    this.#runner = undefined;
    await settledWithin(this.client.settle(), limit);
    this.#isClosed = true;
    this.#endings.stop();
    this.#results.stop();
    this.drains.stop(stoppedError());
    this.#unsubscribe?.();
    // Whoever waits for a call that hangs hears of it now: soon nothing keeps the process alive for that.
    this.#storage.end(LAST_WRITES_MS);
    await settledWithin(this.#close(), limit);
    this.#release?.();
    release();
    return report;
  }

  /** Never rejects. */
  async #close(): Promise<void> {
    // A start that was cut off gives back what it owns first.
    if (this.#started !== undefined) await settledWithin(this.#started, { ms: LAST_WRITES_MS, clock: this.#clock });
    await this.#opened?.then(() => this.#storage.close()).catch((error: unknown) => this.events.emit("error", { error }));
  }

  /** @throws EngineStoppedError once it is closed, also for those who have waited for it to open */
  async #open(): Promise<void> {
    try {
      if (!this.#isClosed) await (this.#opened ??= this.#openStorage());
    } catch (error) {
      if (!this.#isClosed) throw error;
    }
    if (this.#isClosed) throw stoppedError();
  }

  async #openStorage(): Promise<void> {
    try {
      await this.#storage.open();
    } catch (error) {
      this.#opened = undefined;
      throw error;
    }
    if (!this.#isClosed) this.#unsubscribe = this.#storage.subscribe?.((change) => this.#onStorageChange(change));
  }

  #onSettled(settlement: Settlement): void {
    const ending = endingOfRun(settlement);
    if (ending !== undefined) this.#results.settle(settlement.job.id, ending);
    this.drains.look();
  }

  /** A job was changed by hand, or, without a row, any might have. */
  #onChange(row: JobRow | undefined): void {
    if (row === undefined) this.#runner?.queues.wakeAll();
    else if (isFinished(row.state)) this.#runner?.noteFinished();
    else this.#runner?.noteStored([row]);
    this.client.admission.look();
    this.drains.look();
  }

  #onDoubt(ids: readonly JobId[]): void {
    this.#endings.note(ids);
    this.#runner?.lookAgain();
    this.drains.look();
  }

  /** By now most of what ended here has been told. */
  #onFinished(ids: readonly JobId[]): void {
    const known = this.#results.known(ids);
    if (known.length === 0) return;
    // What ended here is told with its outcome, when its write is over.
    const own = new Set(this.#runner?.unsettled());
    this.#endings.note(known.filter((id) => !own.has(id)));
  }

  #onStorageChange(change: StorageChange): void {
    this.drains.look();
    switch (change.kind) {
      case "ready":
        return this.#ready.add(change.queues);
      case "finished":
        this.client.admission.look();
        return this.#finished.add(change.ids);
      case "cancelling":
        return this.#runner?.cancel(change.ids);
      case "settings":
        return this.#runner?.refreshSchedules();
      case "missed":
        return this.#onDoubt(this.#results.ids());
    }
  }
}

function stoppedError(): EngineStoppedError {
  return new EngineStoppedError("the engine is stopped");
}
