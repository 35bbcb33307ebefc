import { StorageError } from "../../errors.js";
import type { JobId, NewJob } from "../../job/job-record.js";
import type { Transition } from "../../job/lifecycle.js";
import type {
  ChangeRequest,
  ClaimRequest,
  ListQuery,
  PruneRequest,
  QueueLimits,
  ReclaimRequest,
  Schedule,
  Storage,
  StorageChange,
  TickRequest,
} from "../storage.js";
import { ChangeFeed } from "./change-feed.js";
import { JobTable } from "./job-table.js";
import { SettingsTable } from "./settings-table.js";

/**
 * Keeps jobs in the memory of this process. Engines that are given the same instance share its jobs; they outlive the
 * engines, but not the process.
 */
export function memoryStorage(): Storage {
  return new MemoryStorage();
}

/** What has ended is kept for so long for the other engines that await it: they hear of it at once, and read it a moment later. */
const UNREAD_MS = 1_000;

type Answer<Verb extends Exclude<keyof Storage, "name" | "supports" | "subscribe">> = ReturnType<Storage[Verb]>;

/** Every verb does all its work before it returns its promise, so no other verb ever sees half of it. */
class MemoryStorage implements Storage {
  readonly name = "memory";
  readonly supports = Object.freeze({ durable: false, multiProcess: false, notifications: true, transfer: true });
  readonly #feed = new ChangeFeed();
  readonly #jobs = new JobTable(this.#feed);
  readonly #settings = new SettingsTable();
  #users = 0;
  #owner: string | null = null;

  async open(): Promise<void> {
    this.#users += 1;
  }

  async close(): Promise<void> {
    this.#users = Math.max(this.#users - 1, 0);
    // Whoever owned it is gone, in whatever way it went.
    if (this.#users === 0) this.#owner = null;
  }

  async own(runner: string): Answer<"own"> {
    this.#requireOpen();
    if (this.#owner !== null && this.#owner !== runner) {
      throw new StorageError(
        `the memory storage is already owned by runner ${this.#owner}, so runner ${runner} cannot run its jobs: ` +
          "stop the other engine first, or do not start this one and use it as a client",
      );
    }
    this.#owner = runner;
    return [];
  }

  async disown(runner: string): Promise<void> {
    this.#requireOpen();
    if (this.#owner === runner) this.#owner = null;
  }

  async reclaim(request: ReclaimRequest): Answer<"reclaim"> {
    return this.#write(request.now, () => (this.#mayRun(request.runner) ? this.#jobs.reclaim(request) : []));
  }

  async enqueue(jobs: readonly NewJob[], now: number, limits?: QueueLimits): Answer<"enqueue"> {
    return this.#write(now, () => this.#jobs.enqueue(jobs, limits));
  }

  async claim(request: ClaimRequest): Answer<"claim"> {
    return this.#write(request.now, () => (this.#isOpenTo(request) ? this.#jobs.claim(request) : []));
  }

  async complete(transitions: readonly Transition[]): Answer<"complete"> {
    return this.#write(null, () => transitions.map((transition) => this.#jobs.complete(transition)));
  }

  async cancel(ids: readonly JobId[], now: number): Answer<"cancel"> {
    return this.#write(now, () => ids.map((id) => this.#jobs.cancel(id, now)));
  }

  async change(request: ChangeRequest): Answer<"change"> {
    return this.#write(request.now, () => this.#jobs.change(request));
  }

  async prune(request: PruneRequest): Answer<"prune"> {
    return this.#write(request.now, () => this.#jobs.prune(request, this.#users > 1 ? UNREAD_MS : 0));
  }

  async pause(queue: string, paused: boolean): Promise<void> {
    this.#write(null, () => {
      this.#settings.pause(queue, paused);
      this.#feed.settings();
      if (!paused) this.#feed.ready(queue);
    });
  }

  async saveSchedule(schedule: Schedule): Promise<void> {
    this.#write(null, () => {
      this.#settings.save(schedule);
      this.#feed.settings();
    });
  }

  async removeSchedule(name: string): Promise<boolean> {
    return this.#write(null, () => {
      const removed = this.#settings.remove(name);
      if (removed) this.#feed.settings();
      return removed;
    });
  }

  async tick(request: TickRequest): Answer<"tick"> {
    return this.#write(null, () => {
      if (!this.#settings.advance(request)) return "lost";
      this.#feed.settings();
      const { job, limit } = request;
      const [enqueued] = this.#jobs.enqueue([job], limit === undefined ? undefined : new Map([[job.queue, limit]]));
      if (enqueued === "full") return "full";
      return enqueued?.duplicate === true ? "skipped" : "ticked";
    });
  }

  async settings(): Answer<"settings"> {
    this.#requireOpen();
    return { paused: this.#settings.paused, schedules: this.#settings.schedules };
  }

  async get(ids: readonly JobId[], now: number): Answer<"get"> {
    return this.#read(now, () => ids.map((id) => this.#jobs.get(id)));
  }

  async list(query: ListQuery): Answer<"list"> {
    return this.#read(query.now, () => this.#jobs.list(query));
  }

  async count(now: number): Answer<"count"> {
    return this.#read(now, () => this.#jobs.counts());
  }

  async nextDueIn(now: number): Answer<"nextDueIn"> {
    return this.#read(now, () => {
      const dueAt = this.#jobs.nextDueAt();
      return dueAt === null ? null : dueAt - now;
    });
  }

  subscribe(listener: (change: StorageChange) => void): () => void {
    return this.#feed.subscribe(listener);
  }

  #isOpenTo({ runner, queue }: ClaimRequest): boolean {
    return this.#mayRun(runner) && !this.#settings.isPaused(queue);
  }

  #mayRun(runner: string): boolean {
    return this.#owner === null || this.#owner === runner;
  }

  #read<Value>(now: number | null, read: () => Value): Value {
    this.#requireOpen();
    if (now !== null) this.#jobs.advance(now);
    return read();
  }

  #write<Value>(now: number | null, write: () => Value): Value {
    const value = this.#read(now, write);
    this.#feed.flush();
    return value;
  }

  #requireOpen(): void {
    if (this.#users === 0) throw new StorageError("the memory storage is not open");
  }
}
