/**
 * The writing side: turns calls into jobs with ids and times, the payload already bytes. What is enqueued in one turn is one
 * storage write, or a few.
 */

import { announceEnqueued } from "../announce.js";
import type { Clock } from "../clock.js";
import { MaxDepthError, OptionsError, StorageError } from "../errors.js";
import type { Events } from "../events.js";
import type { JobSpec } from "../job/define-job.js";
import type { EnqueueOptions } from "../job/enqueue-options.js";
import { jobIds } from "../job/job-id.js";
import type { JobId, NewJob } from "../job/job-record.js";
import { checkedRequest, type JobRequest, parsePolicy, toNewJob } from "../job/job-request.js";
import type { Enqueued, JobWriter, QueueLimits, StorageSupports } from "../storage/storage.js";
import { nextTurn, SLICE_MS } from "../waiting.js";
import { Admission, type WholeCall } from "./admission.js";
import type { JobHandle } from "./handle.js";
import { payloadsOf } from "./payload-source.js";
import type { Awaited } from "./awaited.js";

export interface ClientDeps {
  readonly storage: Pick<JobWriter, "enqueue"> & { readonly supports: StorageSupports };
  readonly clock: Clock;
  readonly events: Events;
  /** In bytes. */
  readonly maxPayload: number;
  /** Of a job that a job enqueues. */
  readonly maxDepth: number;
  /** By queue, for those that have a limit: how many jobs may wait. */
  readonly limits: ReadonlyMap<string, number>;
  /** Before the first write. Rejects once the engine is stopped. */
  readonly ready: () => Promise<void>;
  readonly onStored: (jobs: readonly NewJob[]) => void;
  /** Called before a job is stored, so that its handle misses nothing: it may have ended before the storage has answered. */
  readonly expect: (id: JobId) => Awaited;
  /** The job was not stored, as far as its caller knows. */
  readonly forget: (id: JobId, awaited: Awaited) => void;
  readonly toHandle: (enqueued: Enqueued, awaited: Awaited) => JobHandle;
}

type Answer = Enqueued | "full";

/** What is enqueued in one turn of the event loop, or the next part of it, and what the storage answers for all of that. */
interface Batch {
  readonly jobs: NewJob[];
  readonly answers: Promise<readonly Answer[]>;
  /** Resolves when it is written, or failed. */
  readonly over: Promise<unknown>;
}

/** How the jobs of one slice of `enqueueMany` are stored. */
interface SliceWay {
  readonly call: WholeCall;
  /** Wait for room until it aborts. */
  readonly signal: AbortSignal | undefined;
}

const SLICE_JOBS = 1_000;

export class Client {
  /** Who waits for room. */
  readonly admission: Admission;
  readonly #deps: ClientDeps;
  readonly #nextId: () => JobId;
  /** The last of those that are not written yet. */
  #batch: Batch | undefined;
  readonly #writes = new Set<Promise<unknown>>();

  constructor(deps: ClientDeps) {
    this.#deps = deps;
    this.#nextId = jobIds(deps.clock);
    const { clock, limits } = deps;
    this.admission = new Admission({ clock, maxQueued: limits, write: (jobs, limitsNow) => this.#write(jobs, limitsNow) });
  }

  /**
   * Throws, or rejects, what is wrong.
   *
   * @throws OptionsError, PayloadError, ValidationError, QueueFullError, StorageError, EngineStoppedError, the reason of the signal
   */
  enqueue(job: JobSpec | string, payload: unknown, options: EnqueueOptions | undefined): Promise<JobHandle> {
    const { maxPayload, storage } = this.#deps;
    const request = checkedRequest({ job, payload, options, maxPayload, canTransfer: storage.supports.transfer });
    if (request instanceof Promise) return request.then((checked) => this.#enqueue(checked, options?.signal));
    return this.#enqueue(request, options?.signal);
  }

  #enqueue(request: JobRequest, signal: AbortSignal | undefined): Promise<JobHandle> {
    const job = this.prepare(request);
    signal?.throwIfAborted();
    if (signal !== undefined || job.unique !== null) return this.#handles([job], async () => [await this.#storeSoon(job, signal)]).then(requireFirst);
    const { expect, forget } = this.#deps;
    const awaited = expect(job.id);
    const { answers, index } = this.#join(job);
    return answers.then(
      (all) => this.#toHandle(job, awaited, all[index]),
      (error: unknown) => {
        forget(job.id, awaited);
        throw error;
      },
    );
  }

  #toHandle(job: NewJob, awaited: Awaited, answer: Answer | undefined): JobHandle {
    const { forget, toHandle } = this.#deps;
    if (answer !== undefined && answer !== "full") return toHandle(answer, awaited);
    forget(job.id, awaited);
    throw answer === undefined ? unanswered() : this.admission.fullError(job.queue);
  }

  /**
   * Stores what a job enqueued; the thread has checked it. Calls of one turn are one write, or a few.
   *
   * @throws MaxDepthError, QueueFullError, StorageError, EngineStoppedError
   */
  async storeFromJob(request: JobRequest): Promise<Enqueued> {
    const { maxDepth } = this.#deps;
    const { name, depth } = request;
    if (depth > maxDepth) {
      const message = `job "${name}" was not enqueued: ${depth} jobs had enqueued one another before it, and maxDepth is ${maxDepth}`;
      throw new MaxDepthError(message, { jobName: name, maxDepth });
    }
    return this.#storeSoon(this.prepare(request));
  }

  async #storeSoon(job: NewJob, signal?: AbortSignal): Promise<Enqueued> {
    const waits = signal !== undefined && this.admission.isLimited(job.queue);
    // A duplicate needs no room, so who may be one is not kept waiting before that is known.
    if (!waits || job.unique !== null) {
      const enqueued = await this.#storeWithOthers(job);
      if (enqueued !== "full") return enqueued;
      if (!waits) throw this.admission.fullError(job.queue);
    }
    const [enqueued] = await this.admission.wait([job], signal);
    return requireAnswer(enqueued);
  }

  /** A checked request as a job with an id and its times. */
  prepare(request: JobRequest): NewJob {
    return toNewJob(request, this.#nextId(), this.#deps.clock.now());
  }

  /**
   * One storage write per slice. Of an array everything is checked before anything is stored; other iterables are stored as
   * they come.
   */
  async enqueueMany(
    job: JobSpec | string,
    payloads: Iterable<unknown> | AsyncIterable<unknown>,
    options: Omit<EnqueueOptions, "transfer"> | undefined,
  ): Promise<readonly JobHandle[]> {
    const policy = parsePolicy(job, options);
    if (options !== undefined && "transfer" in options) throw new OptionsError("enqueueMany cannot transfer buffers: each exists only once");
    const { clock, maxPayload } = this.#deps;
    const signal = options?.signal;
    const isArray = Array.isArray(payloads);
    const handles: JobHandle[] = [];
    let slice: JobRequest[] = [];
    let sliceStartedAt = clock.monotonic();
    let index = 0;
    for await (const boxed of payloadsOf(payloads, clock, SLICE_MS)) {
      if (boxed !== null) {
        const input = { job, payload: boxed.payload, options, maxPayload, canTransfer: false, root: `payloads[${index}]` };
        const request = checkedRequest(input, policy);
        slice.push(request instanceof Promise ? await request : request);
        index += 1;
        const isFull = clock.monotonic() - sliceStartedAt > SLICE_MS || slice.length % SLICE_JOBS === 0;
        if (!isFull) continue;
      }
      if (!isArray) {
        handles.push(...(await this.#storeAll(slice, signal)));
        slice = [];
      }
      if (boxed !== null) await nextTurn(clock);
      sliceStartedAt = clock.monotonic();
    }
    return [...handles, ...(await this.#storeAll(slice, signal))];
  }

  /** In slices; all or none, unless a signal lets them wait for room. */
  async #storeAll(requests: readonly JobRequest[], signal: AbortSignal | undefined): Promise<readonly JobHandle[]> {
    const first = requests[0];
    if (first === undefined) return [];
    const { queue, unique } = first;
    const whole = this.admission.whole(queue, requests.length);
    const handles: JobHandle[] = [];
    try {
      for (let at = 0; at < requests.length; at += SLICE_JOBS) {
        if (at > 0) await nextTurn(this.#deps.clock);
        const jobs = requests.slice(at, at + SLICE_JOBS).map((request) => this.prepare(request));
        // Of those that share a key one is stored, or none, so that they need one place.
        const call = unique === null ? whole : this.admission.whole(queue, 1);
        handles.push(...(await this.#handles(jobs, () => this.#storeSlice(jobs, { call, signal }))));
      }
    } finally {
      whole.end();
    }
    return handles;
  }

  /** @param jobs of one queue */
  async #storeSlice(jobs: readonly NewJob[], { call, signal }: SliceWay): Promise<readonly Enqueued[]> {
    const queue = jobs[0]?.queue ?? "";
    signal?.throwIfAborted();
    const waits = signal !== undefined && this.admission.isLimited(queue);
    if (!waits || jobs[0]?.unique !== null) {
      const answers = await call.write(jobs);
      const enqueued = answers.filter((answer) => answer !== "full");
      if (enqueued.length === answers.length) return enqueued;
      if (!waits) throw this.admission.fullError(queue);
    }
    // Also those that are stored: their ids are known.
    return this.admission.wait(jobs, signal);
  }

  /** Resolves when no write is under way. */
  async settle(): Promise<void> {
    await Promise.all([...this.#writes, this.admission.settle()]);
  }

  async #handles(jobs: readonly NewJob[], write: () => Promise<readonly Enqueued[]>): Promise<readonly JobHandle[]> {
    const { expect, forget, toHandle } = this.#deps;
    const expected = jobs.map(({ id }) => ({ id, awaited: expect(id) }));
    try {
      const enqueued = await write();
      return expected.map(({ id, awaited }, index) => {
        const answer = requireAnswer(enqueued[index]);
        if (answer.duplicate) forget(id, awaited);
        return toHandle(answer, awaited);
      });
    } catch (error) {
      for (const { id, awaited } of expected) forget(id, awaited);
      throw error;
    }
  }

  async #storeWithOthers(job: NewJob): Promise<Answer> {
    const { answers, index } = this.#join(job);
    return requireAnswer((await answers)[index]);
  }

  /** Calls of one turn are one write, or one for each so many, so that others have their turn in between. */
  #join(job: NewJob): { readonly answers: Batch["answers"]; readonly index: number } {
    if (this.#batch === undefined || this.#batch.jobs.length === SLICE_JOBS) this.#batch = this.#newBatch(this.#batch);
    const { jobs, answers } = this.#batch;
    return { answers, index: jobs.push(job) - 1 };
  }

  #newBatch(before: Batch | undefined): Batch {
    const jobs: NewJob[] = [];
    const begin = before === undefined ? Promise.resolve() : before.over.then(() => nextTurn(this.#deps.clock));
    const answers = begin.then(() => {
      if (this.#batch?.jobs === jobs) this.#batch = undefined;
      return this.#write(jobs, () => this.admission.limits(jobs));
    });
    const over: Promise<unknown> = answers.then(ignore, ignore).then(() => this.#writes.delete(over));
    this.#writes.add(over);
    return { jobs, answers, over };
  }

  async #write(jobs: readonly NewJob[], limits: () => QueueLimits | undefined): Promise<readonly Answer[]> {
    const { storage, clock, ready, onStored, events } = this.#deps;
    await ready();
    const enqueued = await storage.enqueue(jobs, clock.now(), limits());
    const stored = jobs.filter((_, index) => isStored(enqueued[index]));
    announceEnqueued(events, stored);
    if (stored.length > 0) onStored(stored);
    return enqueued;
  }
}

function isStored(answer: Answer | undefined): boolean {
  return answer !== undefined && answer !== "full" && !answer.duplicate;
}

function requireFirst([handle]: readonly JobHandle[]): JobHandle {
  return requireAnswer(handle);
}

function requireAnswer<Given>(enqueued: Given | undefined): Given {
  if (enqueued === undefined) throw unanswered();
  return enqueued;
}

function unanswered(): StorageError {
  return new StorageError("the storage answered for fewer jobs than it was given");
}

function ignore(): void {
  // Whoever called hears of it.
}
