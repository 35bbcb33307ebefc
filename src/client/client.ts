/**
 * The writing side: turns calls into jobs with ids and times, the payload already bytes. What is enqueued in one turn is one
 * storage write.
 */

import { announceEnqueued } from "../announce.js";
import type { Clock } from "../clock.js";
import { OptionsError, StorageError } from "../errors.js";
import type { Events } from "../events.js";
import { show } from "../job/duration.js";
import type { JobSpec } from "../job/define-job.js";
import type { EnqueueOptions } from "../job/enqueue-options.js";
import { jobIds } from "../job/job-id.js";
import type { JobId, NewJob } from "../job/job-record.js";
import { checkedRequest, type JobRequest, parsePolicy, toNewJob } from "../job/job-request.js";
import type { Enqueued, JobWriter, StorageSupports } from "../storage/storage.js";
import { deferred, type Deferred, nextTurn, SLICE_MS } from "../waiting.js";
import type { JobHandle } from "./handle.js";
import type { Awaited } from "./results.js";

export interface ClientDeps {
  readonly storage: Pick<JobWriter, "enqueue"> & { readonly supports: StorageSupports };
  readonly clock: Clock;
  readonly events: Events;
  /** In bytes. */
  readonly maxPayload: number;
  /** Before the first write. Rejects once the engine is stopped. */
  readonly ready: () => Promise<void>;
  readonly onStored: (jobs: readonly NewJob[]) => void;
  /** Called before a job is stored, so that its handle misses nothing: it may have ended before the storage has answered. */
  readonly expect: (id: JobId) => Awaited;
  /** The job was not stored, as far as its caller knows. */
  readonly forget: (id: JobId, awaited: Awaited) => void;
  readonly toHandle: (enqueued: Enqueued, awaited: Awaited) => JobHandle;
}

interface Call {
  readonly job: NewJob;
  readonly answer: Deferred<Enqueued>;
}

const SLICE_JOBS = 1_000;

export class Client {
  readonly #deps: ClientDeps;
  readonly #nextId: () => JobId;
  #calls: Call[] = [];
  #writes = new Set<Promise<void>>();

  constructor(deps: ClientDeps) {
    this.#deps = deps;
    this.#nextId = jobIds(deps.clock);
  }

  /** @throws OptionsError, PayloadError, ValidationError, StorageError, EngineStoppedError */
  async enqueue(job: JobSpec | string, payload: unknown, options: EnqueueOptions | undefined): Promise<JobHandle> {
    const { maxPayload, storage } = this.#deps;
    const request = checkedRequest({ job, payload, options, maxPayload, canTransfer: storage.supports.transfer });
    const newJob = this.prepare(request instanceof Promise ? await request : request);
    const [handle] = await this.#handles([newJob], async () => [await this.#storeSoon(newJob)]);
    return requireAnswer(handle);
  }

  /** Stores a job that is already checked. Calls of one turn are one write. */
  store(request: JobRequest): Promise<Enqueued> {
    return this.#storeSoon(this.prepare(request));
  }

  #storeSoon(job: NewJob): Promise<Enqueued> {
    const answer = deferred<Enqueued>();
    this.#calls.push({ job, answer });
    if (this.#calls.length === 1) queueMicrotask(() => this.#flush());
    return answer.promise;
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
    const isArray = Array.isArray(payloads);
    const handles: JobHandle[] = [];
    let slice: JobRequest[] = [];
    let sliceStartedAt = this.#deps.clock.monotonic();
    let index = 0;
    for await (const { payload } of oneByOne(payloads)) {
      const input = { job, payload, options, maxPayload: this.#deps.maxPayload, canTransfer: false, root: `payloads[${index}]` };
      const request = checkedRequest(input, policy);
      slice.push(request instanceof Promise ? await request : request);
      index += 1;
      const isFull = this.#deps.clock.monotonic() - sliceStartedAt > SLICE_MS || slice.length % SLICE_JOBS === 0;
      if (!isFull) continue;
      if (!isArray) {
        handles.push(...(await this.#storeSlice(slice)));
        slice = [];
      }
      await nextTurn(this.#deps.clock);
      sliceStartedAt = this.#deps.clock.monotonic();
    }
    for (let at = 0; at < slice.length; at += SLICE_JOBS) {
      if (at > 0) await nextTurn(this.#deps.clock);
      handles.push(...(await this.#storeSlice(slice.slice(at, at + SLICE_JOBS))));
    }
    return handles;
  }

  /** Resolves when no write is under way. */
  async settle(): Promise<void> {
    await Promise.all(this.#writes);
  }

  #storeSlice(requests: readonly JobRequest[]): Promise<readonly JobHandle[]> {
    const jobs = requests.map((request) => this.prepare(request));
    return this.#handles(jobs, () => this.#write(jobs));
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

  #flush(): void {
    const calls = this.#calls;
    this.#calls = [];
    const write = this.#write(calls.map(({ job }) => job))
      .then((enqueued) => calls.forEach(({ answer }, index) => answer.resolve(requireAnswer(enqueued[index]))))
      .catch((error: unknown) => calls.forEach(({ answer }) => answer.reject(error)));
    this.#writes.add(write);
    void write.then(() => this.#writes.delete(write));
  }

  async #write(jobs: readonly NewJob[]): Promise<readonly Enqueued[]> {
    const { storage, clock, ready, onStored, events } = this.#deps;
    await ready();
    const enqueued = await storage.enqueue(jobs, clock.now());
    const stored = jobs.filter((_, index) => enqueued[index]?.duplicate === false);
    announceEnqueued(events, stored);
    if (stored.length > 0) onStored(stored);
    return enqueued;
  }
}

/**
 * Each payload in a box, since `for await` would wait for one that is a promise, and a promise is no payload.
 *
 * @throws OptionsError
 */
function oneByOne(payloads: unknown): Iterable<Boxed> | AsyncIterable<Boxed> {
  if (typeof payloads === "object" && payloads !== null) {
    if (Symbol.asyncIterator in payloads) return boxedLater(payloads as AsyncIterable<unknown>);
    if (Symbol.iterator in payloads) return boxed(payloads as Iterable<unknown>);
  }
  throw new OptionsError(`enqueueMany takes an iterable of payloads, but got ${show(payloads)}`);
}

interface Boxed {
  readonly payload: unknown;
}

function* boxed(payloads: Iterable<unknown>): Iterable<Boxed> {
  for (const payload of payloads) yield { payload };
}

async function* boxedLater(payloads: AsyncIterable<unknown>): AsyncIterable<Boxed> {
  for await (const payload of payloads) yield { payload };
}

function requireAnswer<Answer>(enqueued: Answer | undefined): Answer {
  if (enqueued === undefined) throw new StorageError("the storage answered for fewer jobs than it was given");
  return enqueued;
}
