/** The half of an engine that runs jobs: everything there is only between `start` and `stop`. */

import type { Admission } from "./client/admission.js";
import type { Clock } from "./clock.js";
import type { Config, QueueConfig } from "./config.js";
import { startQueues } from "./config.js";
import { Completer, type Settlement } from "./dispatch/completer.js";
import { withKeptResult } from "./dispatch/kept-result.js";
import type { Pool } from "./dispatch/pool.js";
import { EngineStoppedError, StorageError } from "./errors.js";
import type { Events } from "./events.js";
import type { JobId, JobRow, NewJob } from "./job/job-record.js";
import { isFinished } from "./job/job-record.js";
import { announceDead, announceEnqueued, announceRescued, announceSettled } from "./announce.js";
import { QueueRuns } from "./queue-runs.js";
import { DueTimer } from "./scheduler/due-timer.js";
import { Every } from "./scheduler/every.js";
import { Pruner } from "./scheduler/pruner.js";
import type { Schedule, Storage } from "./storage/storage.js";
import { insist, settledWithin } from "./waiting.js";

/** What is still to be written when the time to stop is over may take so long, each time that something is. */
export const LAST_WRITES_MS = 5_000;

export interface RunnerDeps {
  readonly config: Config;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly events: Events;
  /** Unique among all engines of the storage. */
  readonly name: string;
  readonly createPool: (queue: string, config: QueueConfig) => Pool;
  readonly newJob: (template: Schedule["template"]) => NewJob;
  /** What ticks must keep to. */
  readonly limits: Pick<Admission, "limit" | "fullError">;
  readonly onSettled: (settlement: Settlement) => void;
  /** Somebody here has a handle of the job. */
  readonly isAwaited: (id: JobId) => boolean;
  /** A job that ran here ended elsewhere, or will. */
  readonly onRefused: (id: JobId) => void;
  /** The threads of a queue have told which jobs they know. */
  readonly onNames: () => void;
  /** Runners of this engine that did not get to start. One of them may own the storage still. */
  readonly formerNames: readonly string[];
  /** The job was cancelled while it ran, but is not finished. */
  readonly onCancelWanted: (id: JobId) => void;
}

export interface StopReport {
  /** Jobs that finished while the engine was stopping. */
  readonly completed: number;
  /** Jobs left unfinished: waiting, retrying, given back. Scheduled ones do not count. */
  readonly returned: number;
}

export class Runner {
  readonly #deps: RunnerDeps;
  readonly #completer: Completer;
  readonly #dueTimer: DueTimer;
  readonly #every: Every;
  readonly #pruner: Pruner;
  /** What it can do and knows of its queues. */
  readonly queues: QueueRuns;
  /** Jobs on their way back to storage that were cancelled meanwhile. */
  readonly #cancelAtEnd = new Set<JobId>();
  #stopped: Promise<StopReport> | undefined;
  /** The storage is ours, and what the owners before have left is given back. */
  #isOwner = false;
  #isStopping = false;
  #finishedWhileStopping = 0;

  constructor(deps: RunnerDeps) {
    const { storage, clock, config, events } = deps;
    this.#deps = deps;
    const onError = (error: unknown): void => events.emit("error", { error });
    this.#completer = new Completer({
      ...{ storage, clock, onError },
      onSettled: (settlement) => this.#onSettled(settlement),
      onRefused: ({ job }) => deps.onRefused(job.id),
    });
    this.queues = new QueueRuns({
      ...deps,
      settle: (settlement) => this.#settle(settlement),
      unsettled: () => this.#completer.unsettled(),
      onReclaimed: (rows) => this.#noteReclaimed(rows),
      onClockBack: () => void this.#dueTimer.refresh(),
      // Now jobs that nobody knows can be told.
      onNames: () => {
        deps.onNames();
        if (!this.#isStopping) void this.#noteAllQueuedSafely();
      },
    });
    this.#dueTimer = new DueTimer({ storage, clock, onDue: () => this.queues.wakeAll(), onError });
    this.#pruner = new Pruner({ storage, clock, retention: config.retention, isInDoubt: () => this.#completer.isInDoubt, onError });
    const onTick = (job: NewJob): void => {
      announceEnqueued(events, [job]);
      this.noteStored([job]);
    };
    const { newJob, limits } = deps;
    this.#every = new Every({
      ...{ storage, clock, newJob, onTick, onError },
      limit: (queue) => limits.limit(queue),
      onFull: (queue) => onError(limits.fullError(queue)),
    });
  }

  /** @throws JobsModuleError, StorageError; everything is freed then */
  async start(): Promise<void> {
    const { storage, name, formerNames, clock, config, events } = this.#deps;
    try {
      for (const former of formerNames) await storage.disown(former);
      this.#requireStarting();
      for (const row of await storage.own(name)) announceDead(events, row, row.failure);
      this.#requireStarting();
      const now = clock.now();
      this.#noteReclaimed(await storage.reclaim({ runner: name, queue: null, keep: [], now }));
      this.#requireStarting();
      const ready = startQueues(config).map((queue) => this.queues.open(queue));
      this.#isOwner = true;
      await Promise.all(ready);
      this.#requireStarting();
      await this.#noteAllQueued();
      this.#requireStarting();
    } catch (error) {
      await this.stop(0);
      // A stop that came before the ownership did not end it.
      await insist(() => storage.disown(name), { ms: LAST_WRITES_MS, clock }).catch(() => undefined);
      throw error;
    }
    void this.#dueTimer.refresh();
    void this.#pruner.prune();
    this.#every.refresh();
  }

  /** Always resolves: what runs when the time is over is given back, and its threads are ended. */
  stop(timeoutMs: number): Promise<StopReport> {
    this.#stopped ??= this.#stop(timeoutMs);
    return this.#stopped;
  }

  async #stop(timeoutMs: number): Promise<StopReport> {
    const { clock } = this.#deps;
    this.#isStopping = true;
    this.#dueTimer.stop();
    this.#every.stop();
    this.#pruner.stop();
    const closed = this.queues.close();
    await settledWithin(closed, { ms: timeoutMs, clock });
    await this.queues.end();
    // A claim that was under way may have brought jobs, which are given back.
    await settledWithin(closed.then(() => this.#completer.whenIdle()), { ms: LAST_WRITES_MS, clock });
    this.#completer.stop();
    const returned = await this.#leave();
    return { completed: this.#finishedWhileStopping, returned };
  }

  /** Ends the ownership. @returns how many jobs are left unfinished; 0 if the storage does not say */
  async #leave(): Promise<number> {
    const { storage, name, clock, events } = this.#deps;
    const limit = { ms: LAST_WRITES_MS, clock };
    const left = insist(() => storage.disown(name), limit).then(() => insist(() => this.#countUnfinished(), limit));
    try {
      if (await settledWithin(left, limit)) return await left;
      throw new StorageError(`the storage was not left within ${LAST_WRITES_MS} ms`);
    } catch (error) {
      events.emit("error", { error });
      return 0;
    }
  }

  /** Jobs were stored. */
  noteStored(jobs: readonly Pick<NewJob, "queue" | "name" | "runAt">[]): void {
    const now = this.#deps.clock.now();
    const due = new Set<string>();
    const kinds: { readonly queue: string; readonly name: string }[] = [];
    for (const { queue, name, runAt } of jobs) {
      if (runAt > now) this.#dueTimer.hint(runAt);
      else due.add(queue);
      // Mostly it is as the one before.
      const last = kinds.at(-1);
      if (last?.queue !== queue || last.name !== name) kinds.push({ queue, name });
    }
    this.queues.wake(due);
    this.#noteQueued(kinds);
  }

  /** Jobs that have ended here and are not stored as such yet. */
  unsettled(): readonly JobId[] {
    return this.#completer.unsettled().map(({ id }) => id);
  }

  /** Somebody else changed the storage. */
  refresh(queues: readonly string[]): void {
    this.queues.wake(queues);
    // A queue that nobody knows may have jobs, or was only resumed.
    if (this.#isOwner && !this.#isStopping && queues.some((queue) => !this.queues.has(queue))) void this.#noteAllQueuedSafely();
    void this.#dueTimer.refresh();
  }

  /** A write failed, or came late: what it did, nobody told us. */
  lookAgain(): void {
    if (!this.#isOwner || this.#isStopping) return;
    this.queues.doubtClaims();
    void this.#dueTimer.refresh();
    void this.#noteAllQueuedSafely();
  }

  refreshSchedules(): void {
    this.#every.refresh();
  }

  /** Gives threads to queues that have none yet. */
  ensureQueues(queues: Iterable<string>): void {
    for (const queue of new Set(queues)) {
      // Those that are named before are found in the storage when it is ours.
      if (!this.#isOwner || this.#isStopping || this.queues.has(queue)) continue;
      // A pool that cannot start says so by an event, and keeps trying.
      this.queues.open(queue).catch(() => undefined);
    }
  }

  /** Somebody wants these jobs cancelled, which run according to the storage. */
  cancel(ids: readonly JobId[]): void {
    const ended = this.unsettled();
    for (const id of ids) {
      this.queues.cancel(id);
      // Its end, decided before the wish came, may be that it runs again.
      if (ended.includes(id)) this.#cancelAtEnd.add(id);
    }
  }

  /** A job was finished by someone else. */
  noteFinished(): void {
    this.#pruner.note(0);
  }

  /** @throws EngineStoppedError: a stop came while the engine started, and nothing may be left running */
  #requireStarting(): void {
    if (this.#isStopping) throw new EngineStoppedError("the engine was stopped while it started");
  }

  /** These jobs ran in somebody else's hands, or in nobody's, and wait again. */
  #noteReclaimed(rows: readonly JobRow[]): void {
    for (const row of rows) {
      announceRescued(this.#deps.events, row);
      if (row.cancelRequested) this.#deps.onCancelWanted(row.id);
    }
  }

  async #noteAllQueued(): Promise<void> {
    const { jobs } = await this.#deps.storage.count(this.#deps.clock.now());
    this.#noteQueued(jobs.filter(({ state }) => !isFinished(state)));
  }

  async #noteAllQueuedSafely(): Promise<void> {
    try {
      await this.#noteAllQueued();
    } catch (error) {
      this.#deps.events.emit("error", { error });
    }
  }

  /** These jobs wait: they need threads, and a thread that knows them. */
  #noteQueued(jobs: readonly { readonly queue: string; readonly name: string }[]): void {
    this.ensureQueues(jobs.map(({ queue }) => queue));
    this.queues.warnOfUnknown(jobs);
  }

  #settle(settlement: Settlement): void {
    const { transition, job } = settlement;
    const isLeft = transition.resultMoved && !this.#deps.isAwaited(job.id);
    this.#completer.add(isLeft ? withKeptResult(settlement) : settlement);
  }

  #onSettled(settlement: Settlement): void {
    const { transition, job } = settlement;
    announceSettled(this.#deps.events, settlement);
    const isCancelWanted = this.#cancelAtEnd.delete(job.id);
    if (isCancelWanted && !isFinished(transition.to)) this.#deps.onCancelWanted(job.id);
    if (isFinished(transition.to)) {
      this.#pruner.note(job.payload.byteLength + (transition.result?.byteLength ?? 0));
      if (this.#isStopping) this.#finishedWhileStopping += 1;
    } else if (!this.#isStopping) {
      this.noteStored([{ queue: job.queue, name: job.name, runAt: transition.runAt }]);
    }
    this.#deps.onSettled(settlement);
  }

  async #countUnfinished(): Promise<number> {
    const { jobs } = await this.#deps.storage.count(this.#deps.clock.now());
    const left = jobs.filter(({ state }) => state === "waiting" || state === "retrying" || state === "running");
    return left.reduce((sum, { count }) => sum + count, 0);
  }
}
