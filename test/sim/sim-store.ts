/** The SQLite storage of one simulated process: as the real one, but the thread of the store is a queue in simulated time. */

import { StorageError } from "../../src/errors.js";
import type { Storage, StorageChange } from "../../src/storage/storage.js";
import type { Answer, Call, FromStore, Verb } from "../../src/storage/sqlite/calls.js";
import { HEARTBEAT_MS, type Owned, type Owning } from "../../src/storage/sqlite/owner.js";
import { Store } from "../../src/storage/sqlite/store.js";
import { MOST_WORK, workOf } from "../../src/storage/sqlite/wire.js";
import { SimClock } from "./sim-clock.js";
import type { SimFile } from "./sim-file.js";

interface Waiting {
  readonly call: Call;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

interface Role {
  /** It does all at once, and nothing ever happens to it. */
  readonly isOutside: boolean;
  readonly kill: () => void;
}

export class SimStore implements Storage {
  readonly name: string = "SQLite (jobs.db)";
  readonly supports: Storage["supports"] = Object.freeze({ durable: true, multiProcess: false, notifications: true, transfer: false });
  readonly #file: SimFile;
  readonly #role: Role;
  /** Of its process: ends with it. */
  readonly #clock: SimClock;
  readonly #said: PastClock;
  readonly #listeners = new Set<(change: StorageChange) => void>();
  #store: Store | undefined;
  /** Of threads that have ended without closing it. */
  readonly #left: Store[] = [];
  #owned: Owned | null = null;
  #told: number | null = null;
  #users = 0;
  #waiting: Waiting[] = [];
  #isPlanned = false;
  #lookAt = Infinity;
  #beatAt = Infinity;
  #isRung = false;
  #isCut = false;
  #lastCall = 0;

  constructor(file: SimFile, role: Role) {
    this.#file = file;
    this.#role = role;
    this.#clock = new SimClock(file.world.time, 0);
    this.#said = new PastClock(file.world.time, 0);
  }

  readonly enqueue: Storage["enqueue"] = (jobs, now, limits) => this.#call("enqueue", [jobs, now, limits]);
  readonly claim: Storage["claim"] = (request) => this.#call("claim", [request]);
  readonly complete: Storage["complete"] = (transitions) => this.#call("complete", [transitions]);
  readonly cancel: Storage["cancel"] = (ids, now) => this.#call("cancel", [ids, now]);
  readonly change: Storage["change"] = (request) => this.#call("change", [request]);
  readonly prune: Storage["prune"] = (request) => this.#call("prune", [request]);
  readonly own: Storage["own"] = async (runner) => ((await this.#call("own", [runner])) as unknown as Owning).ended;
  readonly disown: Storage["disown"] = (runner) => this.#call("disown", [runner]);
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
    this.#store ??= this.#newStore();
  }

  async close(): Promise<void> {
    if (this.#users === 0) return;
    this.#users -= 1;
    if (this.#users > 0) return;
    while (this.#waiting.length > 0) this.#work();
    this.#store?.close();
    if (this.#owned !== null) this.#file.world.ledger.deaths?.left(this.#owned.runner);
    this.#store = undefined;
    this.#owned = null;
    this.#told = null;
    this.#file.wrote(this, false);
  }

  subscribe(listener: (change: StorageChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Its process dies. What was posted to the thread may have been done just before. */
  cut(): void {
    if (this.#file.dice.chance(0.5)) while (this.#waiting.length > 0) this.#work();
    this.#isCut = true;
    this.#clock.cut();
  }

  /** After the whole run. */
  dispose(): void {
    for (const store of [...this.#left, this.#store]) store?.close();
    this.#store = undefined;
  }

  /** The last beat that is due, at its time. */
  beat(): void {
    const now = this.#clock.monotonic();
    if (this.#isCut || this.#store === undefined || now < this.#beatAt) return;
    const lateMs = (now - this.#beatAt) % HEARTBEAT_MS;
    this.#said.agoMs = Math.floor(lateMs);
    this.#store.beat();
    this.#said.agoMs = 0;
    this.#beatAt = now - lateMs + HEARTBEAT_MS;
  }

  /** Looks what others have done, if that is sooner than it would anyway. */
  lookWithin(ms: number): void {
    const at = this.#clock.monotonic() + ms;
    if (this.#isCut || this.#store === undefined || at >= this.#lookAt) return;
    this.#lookAt = at;
    this.#clock.setTimer(ms, () => {
      if (this.#lookAt !== at) return;
      this.#lookAt = Infinity;
      if (this.#store?.hasNews === true) this.#tell(this.#perform([]));
    });
  }

  #newStore(): Store {
    this.#beatAt = this.#clock.monotonic() + HEARTBEAT_MS;
    const onWritten = (): void => {
      this.#isRung = true;
    };
    const { path } = this.#file;
    return new Store({ path, durability: "relaxed", minFreeSpace: 0 }, { clock: this.#said, former: { owned: this.#owned, told: this.#told }, onWritten });
  }

  #call<Name extends Verb>(verb: Name, args: Parameters<Storage[Name]>): ReturnType<Storage[Name]> {
    if (this.#users === 0) return Promise.reject(new StorageError(`${this.name} is not open`)) as ReturnType<Storage[Name]>;
    return new Promise((resolve, reject) => {
      this.#lastCall += 1;
      // As it is posted to a thread.
      const call = structuredClone({ id: this.#lastCall, verb, args }) as Call;
      this.#waiting.push({ call, resolve, reject });
      if (this.#role.isOutside) this.#work();
      else this.#plan();
    }) as ReturnType<Storage[Name]>;
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    const { dice } = this.#file;
    this.#clock.setTimer(dice.pick([0, 0, 0.1, dice.between(0, 2)]), () => {
      this.#isPlanned = false;
      this.#work();
      if (this.#waiting.length > 0) this.#plan();
    });
  }

  /** All that have come meanwhile, as one batch. */
  #work(): void {
    if (this.#isCut) return;
    const batch: Waiting[] = [];
    for (let work = 0; work < MOST_WORK && batch.length < this.#waiting.length; ) {
      const waiting = this.#waiting[batch.length]!;
      work += workOf(waiting.call);
      batch.push(waiting);
    }
    if (batch.length === 0) return;
    this.#waiting = this.#waiting.slice(batch.length);
    const { world } = this.#file;
    if (this.#strikes()) return this.#fail(batch);
    if (batch.length > 1) world.note("transactions of several calls");
    const message = this.#perform(batch.map(({ call }) => call));
    this.#tell(message);
    for (const [index, waiting] of batch.entries()) this.#settle(waiting, message.answers[index]);
    if (this.#strikes()) this.#nextThread();
  }

  /** Whether the thread dies now. */
  #strikes(): boolean {
    const { world, dice } = this.#file;
    return !this.#role.isOutside && !world.isCalm && world.enabled("storageThreadDies") && dice.chance(world.plan.storageRate / 4);
  }

  /** Nothing of the batch was done, and all that wait hear of it. */
  #fail(batch: readonly Waiting[]): void {
    const all = [...batch, ...this.#waiting];
    this.#waiting = [];
    this.#nextThread();
    const error = new StorageError(`${this.name}: its thread has ended. Whether a write took effect is not known; the next call starts another thread`);
    for (const { reject } of all) reject(error);
  }

  /** Without a word to the file. The next one finds what was committed. */
  #nextThread(): void {
    this.#file.world.note("threads of the storage ended");
    if (this.#store !== undefined) this.#left.push(this.#store);
    this.#store = this.#newStore();
  }

  #settle({ call, resolve, reject }: Waiting, answer: Answer | undefined): void {
    if (answer === undefined || "error" in answer) {
      // Neither folders nor numbers of processes, which are others in each run.
      return reject(new StorageError((answer?.error.message ?? "no answer").replaceAll(this.#file.path, "jobs.db").replace(/process \d+ on \S+/, "a process")));
    }
    const { verb, args } = call;
    if (verb === "own") this.#owned = (answer.value as Owning).owned;
    if (verb === "disown" && this.#owned?.runner === args[0]) this.#owned = null;
    resolve(answer.value as never);
    if (verb === "claim" && (answer.value as readonly unknown[]).length > 0) this.#file.mayKill(this.#role.kill);
  }

  #perform(calls: readonly Call[]): FromStore {
    this.#file.beat();
    this.#isRung = false;
    const message = this.#store?.perform(calls) ?? { changes: [], answers: [], told: null };
    this.#told = message.told ?? this.#told;
    this.#file.wrote(this, this.#isRung);
    return message;
  }

  #tell({ changes }: FromStore): void {
    for (const listener of [...this.#listeners]) for (const change of changes) listener(change);
  }
}

/** The time that is told to a store. */
class PastClock extends SimClock {
  agoMs = 0;

  override now(): number {
    return super.now() - this.agoMs;
  }
}
