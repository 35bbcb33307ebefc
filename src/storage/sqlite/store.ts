/** All verbs of the contract on one open file. Calls that came together are one transaction: one `fsync` for all of them. */

import { statfsSync, statSync } from "node:fs";
import type { Clock } from "../../clock.js";
import { StorageError } from "../../errors.js";
import type { Storage } from "../storage.js";
import type { Around } from "./around.js";
import type { Answer, Call, CallOf, FromStore, StoreOptions, Verb } from "./calls.js";
import { Changes } from "./changes.js";
import { type Database, problemOf } from "./driver.js";
import { Due } from "./due.js";
import { Jobs } from "./jobs.js";
import { type Owned, Owner } from "./owner.js";
import { Reader } from "./reader.js";
import { RetentionRule } from "./retention.js";
import { Settings } from "./settings.js";
import { explained, openStore } from "./store-file.js";
import { Tally } from "./tally.js";

type Verbs = { readonly [Name in Verb]: (...args: Parameters<Storage[Name]>) => Awaited<ReturnType<Storage[Name]>> };

/** The free space is asked for so often. */
const SPACE_MS = 1_000;
/** They also work for somebody who has lost the file to another owner, and while nothing can be written. */
const READS: ReadonlySet<Verb> = new Set<Verb>(["get", "list", "count", "nextDueIn", "settings"]);
/** They find out by themselves who owns the file. */
const OF_OWNERS: ReadonlySet<Verb> = new Set<Verb>(["own", "disown"]);

export class Store {
  readonly #options: StoreOptions;
  readonly #clock: Clock;
  readonly #database: Database;
  readonly #around: Around;
  readonly #owner: Owner;
  readonly #verbs: Verbs;
  /** Tells the file from others that have its path later. */
  readonly #inode: number;
  /** Jobs are read as they are stored, even if they have become due. */
  #isStill = false;
  #spaceAskedAt = -Infinity;
  #freeSpace = Infinity;

  /** @throws StorageError */
  constructor(options: StoreOptions, { clock, owned }: { readonly clock: Clock; readonly owned: Owned | null }) {
    this.#options = options;
    this.#clock = clock;
    this.#database = openStore(options);
    this.#inode = statSync(options.path).ino;
    const tally = new Tally(this.#database);
    this.#around = { database: this.#database, tally, due: new Due(this.#database, tally), changes: new Changes() };
    this.#owner = new Owner(this.#database, options.path, owned);
    this.#verbs = this.#makeVerbs();
  }

  /** Never throws: what goes wrong is an answer. */
  perform(calls: readonly Call[]): FromStore {
    try {
      return this.#transact(calls, "BEGIN IMMEDIATE");
    } catch (error) {
      return { changes: [], answers: calls.map((call) => (READS.has(call.verb) ? this.#readAlone(call) : this.#failed(call.id, error))) };
    }
  }

  /** @throws what the disk or SQLite says; nothing is changed then */
  #transact(calls: readonly Call[], begin: "BEGIN" | "BEGIN IMMEDIATE"): FromStore {
    try {
      this.#database.exec(begin);
      const answers = calls.map((call) => this.#attempt(call));
      this.#database.exec("COMMIT");
      return { changes: this.#around.changes.take(), answers };
    } catch (error) {
      this.#undo("ROLLBACK");
      this.#around.changes.take();
      throw error;
    }
  }

  /** Without a single write, after the transaction that it was part of has failed. */
  #readAlone(call: Call): Answer {
    this.#isStill = true;
    try {
      return this.#transact([call], "BEGIN").answers[0] ?? this.#failed(call.id, undefined);
    } catch (error) {
      return this.#failed(call.id, error);
    } finally {
      this.#isStill = false;
    }
  }

  beat(): void {
    this.#owner.beat(this.#clock.now());
  }

  close(): void {
    try {
      this.#owner.leave();
    } finally {
      this.#database.close();
    }
  }

  /** @throws what ends the whole transaction */
  #attempt(call: Call): Answer {
    this.#database.exec("SAVEPOINT call");
    try {
      if (!READS.has(call.verb) && !OF_OWNERS.has(call.verb)) this.#owner.requireEpoch();
      const value: unknown = this.#call(call);
      this.#around.tally.save();
      this.#database.exec("RELEASE call");
      return { id: call.id, value };
    } catch (error) {
      // SQLite has ended the transaction itself, or the disk fails: the others cannot be stored either.
      const problem = problemOf(error);
      if (problem !== null && problem !== "other") throw error;
      this.#database.exec("ROLLBACK TO call; RELEASE call");
      this.#forget();
      return this.#failed(call.id, error);
    }
  }

  #call<Name extends Verb>({ verb, args }: CallOf<Name>): unknown {
    const run = this.#verbs[verb] as (...args: Parameters<Storage[Name]>) => unknown;
    return run(...args);
  }

  #undo(sql: string): void {
    this.#forget();
    try {
      this.#database.exec(sql);
    } catch {
      // There is no transaction any more.
    }
  }

  #forget(): void {
    this.#around.tally.forget();
    this.#around.due.doubt();
  }

  #failed(id: number, error: unknown): Answer {
    const { message, cause } = explained(error, this.#options.path);
    return { id, error: { message, cause } };
  }

  #makeVerbs(): Verbs {
    const { tally, due } = this.#around;
    const jobs = new Jobs(this.#around);
    const settings = new Settings(this.#around, jobs);
    const retention = new RetentionRule(this.#around, jobs);
    const reader = new Reader(this.#database);
    const at = <Value>(now: number, work: () => Value): Value => {
      if (!this.#isStill) due.advance(now);
      // What was counted differently by the time must be counted before it is asked for.
      tally.save();
      return work();
    };
    return {
      enqueue: (newJobs, now, limits) => at(now, () => (this.#requireRoom(), jobs.enqueue(newJobs, limits))),
      claim: (request) => at(request.now, () => (this.#owner.mayRun(request.runner) && !settings.isPaused(request.queue) ? jobs.claim(request) : [])),
      complete: (transitions) => transitions.map((transition) => jobs.complete(transition)),
      cancel: (ids, now) => at(now, () => ids.map((id) => jobs.cancel(id, now))),
      change: (request) => at(request.now, () => jobs.change(request)),
      prune: (request) => at(request.now, () => retention.prune(request)),
      own: (runner) => this.#owner.own(runner, this.#clock.now()),
      disown: (runner) => this.#owner.disown(runner),
      reclaim: (request) => at(request.now, () => (this.#owner.mayRun(request.runner) ? jobs.reclaim(request) : [])),
      pause: (queue, paused) => settings.pause(queue, paused),
      saveSchedule: (schedule) => settings.save(schedule),
      removeSchedule: (name) => settings.remove(name),
      tick: (request) => (this.#requireRoom(), settings.tick(request)),
      settings: () => settings.all(),
      get: (ids, now) => at(now, () => reader.get(ids)),
      list: (query) => at(query.now, () => reader.list(query)),
      count: (now) => at(now, () => tally.counts()),
      nextDueIn: (now) => at(now, () => (due.nextAt() === null ? null : Math.max((due.nextAt() ?? now) - now, 0))),
    };
  }

  /** Before the disk is full, so that what runs can still be completed. @throws StorageError */
  #requireRoom(): void {
    const { path, minFreeSpace } = this.#options;
    const now = this.#clock.monotonic();
    if (now - this.#spaceAskedAt >= SPACE_MS) {
      this.#requireSameFile();
      const { bavail, bsize } = statfsSync(path);
      this.#freeSpace = bavail * bsize;
      this.#spaceAskedAt = now;
    }
    if (this.#freeSpace >= minFreeSpace) return;
    throw new StorageError(`${path}: only ${this.#freeSpace} bytes are free on its disk, less than minFreeSpace (${minFreeSpace}): nothing is enqueued until there is more room. Jobs that are stored go on`);
  }

  /** One that was removed can still be written to as long as it is open, but nobody finds it again. @throws StorageError */
  #requireSameFile(): void {
    const { path } = this.#options;
    if (statSync(path, { throwIfNoEntry: false })?.ino === this.#inode) return;
    throw new StorageError(`${path} was removed or replaced while it was open, and what is enqueued now would be lost with it: stop all that use it, move its -wal and -shm away, and restore it from a backup`);
  }
}
