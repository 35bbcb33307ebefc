/** All verbs of the contract on one open file. Calls that came together are one transaction: one `fsync` for all of them. */

import type { Clock } from "../../clock.js";
import type { ClaimedJob } from "../../job/job-record.js";
import type { ClaimRequest, Storage, StorageChange } from "../storage.js";
import type { Around } from "./around.js";
import { type Answer, type Call, type CallOf, type Former, type FromStore, isRead, type StoreOptions, timeOfRead, type Verb } from "./calls.js";
import { Changes } from "./changes.js";
import { Crashes } from "./crashes.js";
import { type Database, problemOf, type Statement } from "./driver.js";
import { Due } from "./due.js";
import { Jobs } from "./jobs.js";
import { Neighbours } from "./neighbours.js";
import { Owner, type Owning } from "./owner.js";
import { Reader } from "./reader.js";
import { RetentionRule } from "./retention.js";
import { Room } from "./room.js";
import { Settings } from "./settings.js";
import { explained, openStore } from "./store-file.js";
import { Tally } from "./tally.js";

/** `own` is answered with more than its caller gets. */
type Value<Name extends Verb> = Name extends "own" ? Owning : Awaited<ReturnType<Storage[Name]>>;
type Verbs = { readonly [Name in Verb]: (...args: Parameters<Storage[Name]>) => Value<Name> };

/** What has ended is kept for so long for those in other processes who await it: they hear of it at once, and read it when they come to it. */
const UNREAD_MS = 30_000;
/** They find out by themselves who owns the file. */
const OF_OWNERS: ReadonlySet<Verb> = new Set<Verb>(["own", "disown"]);

export interface StoreDeps {
  readonly clock: Clock;
  readonly former: Former;
  /** Something was written that another process may want to know. */
  readonly onWritten: () => void;
}

export class Store {
  readonly #options: StoreOptions;
  readonly #clock: Clock;
  readonly #database: Database;
  readonly #around: Around;
  readonly #owner: Owner;
  readonly #neighbours: Neighbours;
  readonly #onWritten: () => void;
  readonly #jobs: Jobs;
  readonly #settings: Settings;
  readonly #reader: Reader;
  readonly #crashes: Crashes;
  readonly #verbs: Verbs;
  readonly #savepoint: Statement;
  readonly #release: Statement;
  readonly #room: Room;
  /** Jobs are read as they are stored, even if they have become due. */
  #isStill = false;

  /** @throws StorageError */
  constructor(options: StoreOptions, { clock, former, onWritten }: StoreDeps) {
    this.#onWritten = onWritten;
    this.#options = options;
    this.#clock = clock;
    this.#database = openStore(options);
    this.#room = new Room(options, clock);
    const tally = new Tally(this.#database);
    this.#around = { database: this.#database, tally, due: new Due(this.#database, tally), changes: new Changes() };
    this.#owner = new Owner(this.#database, options.path, former.owned);
    this.#savepoint = this.#database.prepare("SAVEPOINT call");
    this.#release = this.#database.prepare("RELEASE call");
    this.#neighbours = new Neighbours(this.#database, former.told);
    this.#jobs = new Jobs(this.#around);
    this.#settings = new Settings(this.#around, this.#jobs);
    this.#reader = new Reader(this.#database);
    this.#crashes = new Crashes(this.#around, (queue) => this.#settings.isPaused(queue));
    this.#verbs = this.#makeVerbs();
  }

  /** Never throws: what goes wrong is an answer. With no calls it looks what other processes have done. */
  perform(calls: readonly Call[]): FromStore {
    try {
      // Who only reads takes no lock, which somebody who writes would have to wait for, or he for them.
      return this.#transact(calls, this.#willWrite(calls) ? "BEGIN IMMEDIATE" : "BEGIN");
    } catch (error) {
      const answers = calls.map((call) => (isRead(call) ? this.#readAlone(call) : this.#failed(call.id, error)));
      return { changes: [], answers, told: this.told };
    }
  }

  #willWrite(calls: readonly Call[]): boolean {
    if (calls.length > 0 && !this.#owner.isUs && !this.#neighbours.hasSaidHere(this.#clock.now())) return true;
    if (!calls.every(isRead)) return true;
    return calls.map(timeOfRead).some((readAt) => readAt !== null && this.#around.due.isStale(readAt));
  }

  /** @throws what the disk or SQLite says; nothing is changed then */
  #transact(calls: readonly Call[], begin: "BEGIN" | "BEGIN IMMEDIATE"): FromStore {
    const { changes } = this.#around;
    const restore = this.#remember();
    try {
      this.#database.exec(begin);
      const news = !this.#isStill && this.#neighbours.hasNews() ? this.#news() : [];
      const answers = calls.length === 1 ? calls.map((call) => this.#only(call)) : calls.map((call) => this.#attempt(call));
      const areOthers = this.#isStill ? false : this.#noteForOthers(calls.length);
      this.#database.exec("COMMIT");
      if (!this.#isStill) this.#neighbours.noteTold();
      const own = changes.take();
      if (areOthers && own.length > 0) this.#onWritten();
      return { changes: [...news, ...own], answers, told: this.told };
    } catch (error) {
      this.#rollBack();
      restore();
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

  get told(): number {
    return this.#neighbours.told;
  }

  /** Whether another process has written; asked without taking a lock. */
  get hasNews(): boolean {
    return this.#neighbours.hasNews();
  }

  /** To be called now and then. */
  beat(): void {
    const now = this.#clock.now();
    this.#owner.beat(now);
    if (this.#owner.isUs) this.#neighbours.beat();
    else this.#neighbours.sayHere(now);
  }

  close(): void {
    try {
      this.#owner.leave();
    } finally {
      this.#database.close();
    }
  }

  /** The whole transaction is its own, and goes if it fails. @throws what went wrong */
  #only(call: Call): Answer {
    return { id: call.id, value: this.#run(call) };
  }

  /** @throws what ends the whole transaction */
  #attempt(call: Call): Answer {
    this.#savepoint.run();
    const restore = this.#remember();
    try {
      const value = this.#run(call);
      this.#release.run();
      return { id: call.id, value };
    } catch (error) {
      // SQLite has ended the transaction itself, or the disk fails: the others cannot be stored either.
      const problem = problemOf(error);
      if (problem !== null && problem !== "other") throw error;
      this.#database.exec("ROLLBACK TO call; RELEASE call");
      restore();
      return this.#failed(call.id, error);
    }
  }

  #run(call: Call): unknown {
    const writes = !isRead(call);
    if (writes && !OF_OWNERS.has(call.verb)) this.#owner.requireEpoch();
    const value = this.#call(call);
    if (writes && call.verb !== "claim") this.#crashes.look();
    this.#around.tally.save();
    return value;
  }

  #call<Name extends Verb>({ verb, args }: CallOf<Name>): unknown {
    const run = this.#verbs[verb] as (...args: Parameters<Storage[Name]>) => unknown;
    return run(...args);
  }

  /** What other processes may have done. */
  #news(): readonly StorageChange[] {
    const news: StorageChange[] = [
      { kind: "settings" },
      { kind: "ready", queues: this.#around.tally.queues() },
      { kind: "cancelling", ids: this.#jobs.cancelling() },
      { kind: "finished", ids: this.#neighbours.ends() },
    ];
    return this.#neighbours.mayHaveMissed ? [...news, { kind: "missed" }] : news;
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // There is no transaction any more.
    }
  }

  /** @returns what brings back what is known beside the file, when the file is again as it is now */
  #remember(): () => void {
    const { tally, due } = this.#around;
    const restoreDue = due.remember();
    const restoreOwner = this.#owner.remember();
    return () => {
      tally.forget();
      this.#jobs.forget();
      restoreDue();
      restoreOwner();
    };
  }

  #failed(id: number, error: unknown): Answer {
    const { message, cause } = explained(error, this.#options.path);
    return { id, error: { message, cause } };
  }

  #makeVerbs(): Verbs {
    const { tally, due } = this.#around;
    const jobs = this.#jobs;
    const settings = this.#settings;
    const retention = new RetentionRule(this.#around);
    const reader = this.#reader;
    const at = <Value>(now: number, work: () => Value): Value => {
      if (!this.#isStill) due.advance(now);
      // What was counted differently by the time must be counted before it is asked for.
      tally.save();
      return work();
    };
    return {
      enqueue: (newJobs, now, limits) => (this.#room.require(), at(now, () => jobs.enqueue(newJobs, limits))),
      claim: (request) => at(request.now, () => this.#claim(request)),
      complete: (transitions) => transitions.map((transition) => jobs.complete(transition)),
      cancel: (ids, now) => at(now, () => ids.map((id) => jobs.cancel(id, now))),
      change: (request) => at(request.now, () => jobs.change(request)),
      prune: (request) => at(request.now, () => retention.prune(request, this.#neighbours.areThere(this.#clock.now()) ? UNREAD_MS : 0)),
      own: (runner) => this.#own(runner),
      disown: (runner) => this.#owner.disown(runner),
      reclaim: (request) => at(request.now, () => (this.#owner.mayRun(request.runner) ? jobs.reclaim(request) : [])),
      pause: (queue, paused) => settings.pause(queue, paused),
      saveSchedule: (schedule) => settings.save(schedule),
      removeSchedule: (name) => settings.remove(name),
      tick: (request) => (this.#room.require(), settings.tick(request)),
      settings: () => settings.all(),
      get: (ids, now) => at(now, () => reader.get(ids)),
      list: (query) => at(query.now, () => reader.list(query)),
      count: (now) => at(now, () => tally.counts()),
      nextDueIn: (now) => at(now, () => (due.nextAt() === null ? null : Math.max((due.nextAt() ?? now) - now, 0))),
    };
  }

  #own(runner: string): Owning {
    const now = this.#clock.now();
    const { owned, hasDied } = this.#owner.own(runner, now);
    this.#crashes.noteOwner();
    const end = hasDied ? this.#crashes.noteDeath(now) : null;
    if (end === null) return { owned, ended: [] };
    this.#jobs.complete(end);
    return { owned, ended: this.#reader.get([end.id]).filter((row) => row !== undefined) };
  }

  /** @returns whether there are any */
  #noteForOthers(calls: number): boolean {
    const now = this.#clock.now();
    if (calls > 0 && !this.#owner.isUs) this.#neighbours.sayHere(now);
    const areOthers = !this.#owner.isUs || this.#neighbours.areThere(now);
    if (areOthers) this.#neighbours.noteEnds(this.#around.changes.finishedIds);
    return areOthers;
  }

  #claim(request: ClaimRequest): readonly ClaimedJob[] {
    if (!this.#owner.mayRun(request.runner) || this.#settings.isPaused(request.queue)) return [];
    const turn = this.#crashes.turn(request);
    if (turn === null) return this.#jobs.claim(request);
    return turn === "nobody" ? [] : this.#jobs.claimOne(turn.seq, request);
  }
}
