import { resolve } from "node:path";
import { OptionsError, StorageError } from "../../errors.js";
import { show } from "../../job/duration.js";
import { rejectUnknownKeys } from "../../job/options.js";
import type { Storage, StorageChange } from "../storage.js";
import type { StoreOptions, Verb } from "./calls.js";
import { Connection } from "./connection.js";
import type { Owned, Owning } from "./owner.js";
import { packArgs, unpackAnswer } from "./wire.js";

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
  // SQLite would take these for something else than a file that stays.
  if (path.startsWith(":") || path.startsWith("file:") || path.includes("\0")) throw new OptionsError(`sqliteStorage needs the path of a file, but got ${show(path)}`);
  // Now, since the process may go to another folder later.
  return { path: resolve(path), durability, minFreeSpace };
}

class SqliteStorage implements Storage {
  readonly name: string;
  readonly supports = Object.freeze({ durable: true, multiProcess: false, notifications: true, transfer: false });
  readonly #options: StoreOptions;
  readonly #listeners = new Set<{ readonly listener: (change: StorageChange) => void }>();
  #connection: Connection | undefined;
  /** Told by the thread, and told to the next one if it dies. */
  #owned: Owned | null = null;
  #users = 0;
  /** For all users; until the last one closes. */
  #opening: Promise<void> | undefined;
  /** Of the thread before, which may still hold the file. */
  #ended: Promise<void> = Promise.resolve();

  constructor(options: StoreOptions) {
    this.#options = options;
    this.name = `SQLite (${options.path})`;
  }

  readonly enqueue: Storage["enqueue"] = (jobs, now, limits) => this.#call("enqueue", [jobs, now, limits]);
  readonly claim: Storage["claim"] = (request) => this.#call("claim", [request]);
  readonly complete: Storage["complete"] = (transitions) => this.#call("complete", [transitions]);
  readonly cancel: Storage["cancel"] = (ids, now) => this.#call("cancel", [ids, now]);
  readonly change: Storage["change"] = (request) => this.#call("change", [request]);
  readonly prune: Storage["prune"] = (request) => this.#call("prune", [request]);
  readonly own: Storage["own"] = async (runner) => {
    const { owned, ended } = (await this.#call("own", [runner])) as unknown as Owning;
    this.#owned = owned;
    return ended;
  };
  readonly disown: Storage["disown"] = async (runner) => {
    await this.#call("disown", [runner]);
    if (this.#owned?.runner === runner) this.#owned = null;
  };
  readonly reclaim: Storage["reclaim"] = (request) => this.#call("reclaim", [request]);
  readonly pause: Storage["pause"] = (queue, paused) => this.#call("pause", [queue, paused]);
  readonly saveSchedule: Storage["saveSchedule"] = (schedule) => this.#call("saveSchedule", [schedule]);
  readonly removeSchedule: Storage["removeSchedule"] = (name) => this.#call("removeSchedule", [name]);
  readonly tick: Storage["tick"] = (request) => this.#call("tick", [request]);
  readonly settings: Storage["settings"] = () => this.#call("settings", []);
  readonly get: Storage["get"] = (ids, now) => this.#call("get", [ids, now]);
  readonly list: Storage["list"] = (query) => this.#call("list", [query]);
  readonly count: Storage["count"] = (now) => this.#call("count", [now]);
  readonly nextDueIn: Storage["nextDueIn"] = (now) => this.#call("nextDueIn", [now]);

  async open(): Promise<void> {
    this.#users += 1;
    await (this.#opening ??= this.#open());
  }

  async #open(): Promise<void> {
    await this.#ended;
    try {
      await this.#connected().opened;
    } catch (error) {
      // For all who waited for it.
      this.#users = 0;
      this.#opening = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#users === 0) return this.#ended;
    this.#users -= 1;
    if (this.#users > 0) return;
    const closed = this.#close();
    this.#ended = closed.catch(() => undefined);
    await closed;
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    // It could not be opened, or somebody has come meanwhile.
    if (this.#opening === undefined || this.#users > 0) return;
    const connection = this.#connected();
    this.#opening = undefined;
    this.#connection = undefined;
    this.#owned = null;
    await connection.close();
  }

  subscribe(listener: (change: StorageChange) => void): () => void {
    const entry = { listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  #call<Name extends Verb>(verb: Name, args: Parameters<Storage[Name]>): ReturnType<Storage[Name]> {
    if (this.#users === 0) return Promise.reject(new StorageError(`${this.name} is not open`)) as ReturnType<Storage[Name]>;
    const answer = this.#connected().send(verb, packArgs(verb, args));
    return answer.then((value) => unpackAnswer(verb, args, value)) as ReturnType<Storage[Name]>;
  }

  /** To a thread that lives: if the last one has died, another one finds what was committed. */
  #connected(): Connection {
    if (this.#connection?.isOver !== false) this.#connection = this.#connect();
    return this.#connection;
  }

  #connect(): Connection {
    const { name } = this;
    const onChanges = (changes: readonly StorageChange[]): void => this.#tell(changes);
    const connection = new Connection({ store: this.#options, name, former: { owned: this.#owned, told: this.#connection?.told ?? null }, onChanges });
    // An owner must go on to say that it lives. If the file cannot be opened any more, the next call tries again.
    const restart = (): void => {
      if (this.#connection === connection && this.#users > 0) this.#connected();
    };
    void connection.opened.then(() => connection.ended).then(restart, () => undefined);
    return connection;
  }

  #tell(changes: readonly StorageChange[]): void {
    for (const { listener } of [...this.#listeners]) for (const change of changes) tell(listener, change);
  }
}

function tell(listener: (change: StorageChange) => void, change: StorageChange): void {
  try {
    listener(change);
  } catch {
    // The write has happened. Its caller must not get the error of somebody else who only wanted a hint.
  }
}
