import { Worker } from "node:worker_threads";
import { OptionsError, StorageError } from "../../errors.js";
import type { NewJob } from "../../job/job-record.js";
import { rejectUnknownKeys } from "../../job/options.js";
import type { Storage, StorageChange } from "../storage.js";
import type { Answer, FromStore, StoreOptions, Verb } from "./calls.js";

export interface SqliteStorageOptions {
  /** The file. It and its folder are made if they are not there. SQLite keeps two more files beside it while it is open. */
  readonly path: string;
  /**
   * `"full"`: what was acknowledged survives a loss of power; every transaction waits for the disk. `"relaxed"`: it survives the
   * death of the process, but of the last moments before a loss of power some may be missing. Default `"full"`.
   */
  readonly durability?: "full" | "relaxed";
  /** In bytes. With less free space on the disk nothing is enqueued any more, so that jobs that run can still be completed. Default 64 MiB. */
  readonly minFreeSpace?: number;
}

const MIN_FREE_SPACE = 64 * 1_024 * 1_024;

/**
 * Keeps jobs in a SQLite file, in a thread of its own. Needs Node 22.13, or the package `better-sqlite3`. One engine at a time
 * runs the jobs of a file.
 *
 * @throws OptionsError
 * @example
 * import { sqliteStorage } from "millrace/sqlite";
 * const engine = createEngine({ jobs, storage: sqliteStorage({ path: "./data/jobs.db" }) });
 */
export function sqliteStorage(options: SqliteStorageOptions): Storage {
  return new SqliteStorage(parse(options));
}

function parse(options: SqliteStorageOptions): StoreOptions {
  rejectUnknownKeys(options, ["path", "durability", "minFreeSpace"], "sqliteStorage");
  const { path, durability = "full", minFreeSpace = MIN_FREE_SPACE } = options;
  if (typeof (path as unknown) !== "string" || path === "") throw new OptionsError("sqliteStorage needs the path of a file");
  if (durability !== "full" && (durability as unknown) !== "relaxed") throw new OptionsError('durability must be "full" or "relaxed"');
  if (!(minFreeSpace >= 0)) throw new OptionsError("minFreeSpace must be a number of bytes");
  return { path, durability, minFreeSpace };
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: StorageError) => void;
}

class SqliteStorage implements Storage {
  readonly name: string;
  readonly supports = Object.freeze({ durable: true, multiProcess: false, notifications: true, transfer: false });
  readonly #options: StoreOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<{ readonly listener: (change: StorageChange) => void }>();
  #worker: Worker | undefined;
  #users = 0;
  #lastCall = 0;
  /** Of the thread before, which may still hold the file. */
  #ended: Promise<void> = Promise.resolve();

  constructor(options: StoreOptions) {
    this.#options = options;
    this.name = `SQLite (${options.path})`;
  }

  readonly enqueue: Storage["enqueue"] = (jobs, now, limits) => this.#call("enqueue", [jobs.map(exactly), now, limits]);
  readonly claim: Storage["claim"] = (request) => this.#call("claim", [request]);
  readonly complete: Storage["complete"] = (transitions) => this.#call("complete", [transitions.map((each) => ({ ...each, result: each.result === null ? null : exact(each.result) }))]);
  readonly cancel: Storage["cancel"] = (ids, now) => this.#call("cancel", [ids, now]);
  readonly change: Storage["change"] = (request) => this.#call("change", [request]);
  readonly prune: Storage["prune"] = (request) => this.#call("prune", [request]);
  readonly own: Storage["own"] = (runner) => this.#call("own", [runner]);
  readonly disown: Storage["disown"] = (runner) => this.#call("disown", [runner]);
  readonly reclaim: Storage["reclaim"] = (request) => this.#call("reclaim", [request]);
  readonly pause: Storage["pause"] = (queue, paused) => this.#call("pause", [queue, paused]);
  readonly saveSchedule: Storage["saveSchedule"] = (schedule) => this.#call("saveSchedule", [{ ...schedule, template: { ...schedule.template, payload: exact(schedule.template.payload) } }]);
  readonly removeSchedule: Storage["removeSchedule"] = (name) => this.#call("removeSchedule", [name]);
  readonly tick: Storage["tick"] = (request) => this.#call("tick", [{ ...request, job: exactly(request.job) }]);
  readonly settings: Storage["settings"] = () => this.#call("settings", []);
  readonly get: Storage["get"] = (ids, now) => this.#call("get", [ids, now]);
  readonly list: Storage["list"] = (query) => this.#call("list", [query]);
  readonly count: Storage["count"] = (now) => this.#call("count", [now]);
  readonly nextDueIn: Storage["nextDueIn"] = (now) => this.#call("nextDueIn", [now]);

  async open(): Promise<void> {
    this.#users += 1;
    if (this.#users > 1) return;
    await this.#ended;
    try {
      await this.#send("open", []);
    } catch (error) {
      this.#users -= 1;
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#users === 0) return;
    this.#users -= 1;
    if (this.#users > 0) return;
    await this.#send("close", []);
    await this.#ended;
  }

  subscribe(listener: (change: StorageChange) => void): () => void {
    const entry = { listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  #call<Name extends Verb>(verb: Name, args: Parameters<Storage[Name]>): ReturnType<Storage[Name]> {
    if (this.#users === 0) return Promise.reject(new StorageError(`${this.name} is not open`)) as ReturnType<Storage[Name]>;
    return this.#send(verb, args) as ReturnType<Storage[Name]>;
  }

  #send(verb: Verb | "open" | "close", args: readonly unknown[]): Promise<unknown> {
    const worker = (this.#worker ??= this.#start());
    return new Promise((resolve, reject) => {
      this.#lastCall += 1;
      const id = this.#lastCall;
      // Only calls that are under way keep the process alive.
      if (this.#waiting.size === 0) worker.ref();
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, verb, args });
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL("./storage-thread.js", import.meta.url), { workerData: this.#options, name: "millrace storage" });
    worker.unref();
    worker.on("message", (message: FromStore) => this.#receive(worker, message));
    this.#ended = new Promise((resolve) => {
      let failure: unknown;
      worker.on("error", (error) => (failure = error));
      worker.on("exit", (code) => {
        this.#onExit(worker, failure ?? new Error(`it exited with code ${code}`));
        resolve();
      });
    });
    return worker;
  }

  /** Whoever was told of the end of a call finds listeners told of what it changed. */
  #receive(worker: Worker, { changes, answers }: FromStore): void {
    for (const { listener } of [...this.#listeners]) for (const change of changes) tell(listener, change);
    for (const answer of answers) this.#settle(answer);
    if (this.#waiting.size === 0) worker.unref();
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ("error" in answer) waiting?.reject(new StorageError(answer.error.message, { cause: answer.error.cause }));
    else waiting?.resolve(answer.value);
  }

  /** After `close`, or by itself: then the next call starts another thread, which finds what was committed. */
  #onExit(worker: Worker, cause: unknown): void {
    if (this.#worker === worker) this.#worker = undefined;
    const left = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of left) reject(new StorageError(`${this.name}: its thread has ended`, { cause }));
    if (this.#users > 0) void this.#send("open", []).catch(() => undefined);
  }
}

function tell(listener: (change: StorageChange) => void, change: StorageChange): void {
  try {
    listener(change);
  } catch {
    // The write has happened. Its caller must not get the error of somebody else who only wanted a hint.
  }
}

function exactly(job: NewJob): NewJob {
  return { ...job, payload: exact(job.payload) };
}

/** A part of a larger buffer would be posted with all of it. */
function exact(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
