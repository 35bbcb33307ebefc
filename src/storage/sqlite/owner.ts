/**
 * Who runs the jobs of a file: one runner of one process at a time. A process that has died cannot say so, so whoever comes next looks
 * whether it is alive. Each ownership has an epoch, one higher than the one before: an owner that was taken for dead, and is not,
 * sees by it that the file has a new one.
 */

import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { StorageError } from "../../errors.js";
import type { JobRow } from "../../job/job-record.js";
import type { Database, SqlRow, Statement } from "./driver.js";
import { number, numberOrNull, text, textOrNull } from "./row.js";

/** How often the owner says that it lives. */
export const HEARTBEAT_MS = 5_000;
/** An owner on another host, or before a restart of this one, is taken for dead when it has said nothing for so long. */
const SILENT_MS = 30_000;
/** States of a process: a zombie, and two that are gone as soon as they are seen. */
const ENDED: ReadonlySet<string | undefined> = new Set(["Z", "X", "x"]);

/** What `own` is answered with. */
export interface Owning {
  readonly owned: Owned;
  /** Jobs that have ended by it. */
  readonly ended: readonly JobRow[];
}

/** What one thread knew of its ownership, for the one that comes after it. */
export interface Owned {
  readonly runner: string;
  readonly epoch: number;
}

export class Owner {
  readonly #path: string;
  readonly #read: Statement;
  readonly #take: Statement;
  readonly #leave: Statement;
  readonly #beat: Statement;
  /** `null` while we own nothing. */
  #owned: Owned | null;

  constructor(database: Database, path: string, owned: Owned | null) {
    this.#path = path;
    this.#owned = owned;
    this.#read = database.prepare("SELECT * FROM owner");
    this.#take = database.prepare("UPDATE owner SET runner = ?, epoch = epoch + 1, pid = ?, process_started = ?, boot = ?, host = ?, heartbeat_at = ? RETURNING epoch");
    this.#leave = database.prepare("UPDATE owner SET runner = NULL WHERE epoch = ? AND runner = ?");
    this.#beat = database.prepare("UPDATE owner SET heartbeat_at = ? WHERE epoch = ? AND runner = ?");
  }

  /**
   * @returns what we own now, and whether the owner before has died without a word
   * @throws StorageError while it is alive
   */
  own(runner: string, now: number): { readonly owned: Owned; readonly hasDied: boolean } {
    const row = this.#row();
    const holder = textOrNull(row["runner"]);
    const owned = number(row["epoch"]) === this.#owned?.epoch ? this.#owned : null;
    if (owned !== null && holder === runner) return { owned, hasDied: false };
    const isOurs = isLeftBy(runner, row);
    if (holder !== null && !isOurs && (owned !== null || isAlive(row, now))) {
      throw new StorageError(
        `${this.#path} is already owned by runner ${holder} of process ${number(row["pid"])} on ${text(row["host"])}, so runner ${runner} cannot run its jobs: ` +
          "stop the other engine first, or do not start this one and use it as a client",
      );
    }
    const taken = this.#take.get(runner, process.pid, processStart(process.pid), bootId(), hostname(), now);
    this.#owned = { runner, epoch: number(taken?.["epoch"]) };
    return { owned: this.#owned, hasDied: holder !== null && !isOurs };
  }

  disown(runner: string): void {
    const row = this.#row();
    if (this.#owned?.runner === runner) this.leave();
    else if (isLeftBy(runner, row)) this.#leave.run(number(row["epoch"]), runner);
  }

  leave(): void {
    if (this.#owned !== null) this.#leave.run(this.#owned.epoch, this.#owned.runner);
    this.#owned = null;
  }

  /** @returns what makes it again who it is now, if what follows is rolled back */
  remember(): () => void {
    const owned = this.#owned;
    return () => void (this.#owned = owned);
  }

  get isUs(): boolean {
    return this.#owned !== null;
  }

  beat(now: number): void {
    if (this.#owned !== null) this.#beat.run(now, this.#owned.epoch, this.#owned.runner);
  }

  /** Whether `runner` may run jobs: it owns the file, or nobody does. */
  mayRun(runner: string): boolean {
    const holder = textOrNull(this.#row()["runner"]);
    return holder === null || holder === runner;
  }

  /** @throws StorageError if somebody else has taken over: what this process believes to run is theirs now */
  requireEpoch(): void {
    if (this.#owned === null) return;
    const row = this.#row();
    if (number(row["epoch"]) === this.#owned.epoch) return;
    throw new StorageError(
      `${this.#path} was taken over by runner ${textOrNull(row["runner"]) ?? "(gone)"} of process ${number(row["pid"])} on ${text(row["host"])}, ` +
        "because this process was taken for dead: it must not write any more. Stop this engine",
    );
  }

  #row(): SqlRow {
    return this.#read.get() ?? {};
  }
}

/** Names of runners are never used twice. One of this process that we know nothing of became the owner when its thread died, and was not told. */
function isLeftBy(runner: string, row: SqlRow): boolean {
  const isOfProcess = isHere(row) && numberOrNull(row["pid"]) === process.pid && textOrNull(row["process_started"]) === processStart(process.pid);
  return isOfProcess && textOrNull(row["runner"]) === runner;
}

function isHere(row: SqlRow): boolean {
  return textOrNull(row["host"]) === hostname() && textOrNull(row["boot"]) === bootId();
}

function isAlive(row: SqlRow, now: number): boolean {
  const pid = numberOrNull(row["pid"]);
  // A beat in the future was written before the clock was set back.
  const isHeard = Math.abs(now - number(row["heartbeat_at"])) < SILENT_MS;
  if (!isHere(row) || pid === null) return isHeard;
  const startedAt = textOrNull(row["process_started"]);
  // Where nobody tells when a process began, another one may have the number by now.
  return exists(pid) && (startedAt === null ? isHeard : startedAt === processStart(pid));
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It exists, and is somebody else's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Tells this start of the machine from others, and containers that count their processes for themselves; `null` where nobody tells. */
function bootId(): string | null {
  const boot = tryTo(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  return boot === null ? null : `${boot} ${tryTo(() => readlinkSync("/proc/self/ns/pid")) ?? ""}`;
}

/** Tells a process from others that have had its number; `null` where nobody tells, and of one that has ended and is only not reaped yet. */
function processStart(pid: number): string | null {
  // The name of the program, in brackets, may hold anything; the state follows it, and the start is the 20th word after it.
  const stat = tryTo(() => readFileSync(`/proc/${pid}/stat`, "utf8").trim());
  const words = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return words === undefined || ENDED.has(words[0]) ? null : (words[19] ?? null);
}

function tryTo(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}
