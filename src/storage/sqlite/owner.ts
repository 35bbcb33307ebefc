/**
 * Who runs the jobs of a file: one runner of one process at a time. A process that has died cannot say so, so whoever comes next looks
 * whether it is alive. Each ownership has an epoch, one higher than the one before: an owner that was taken for dead, and is not,
 * sees by it that the file has a new one.
 */

import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { StorageError } from "../../errors.js";
import type { Database, SqlRow, Statement } from "./driver.js";
import { number, numberOrNull, text, textOrNull } from "./row.js";

/** How often the owner says that it lives. */
export const HEARTBEAT_MS = 5_000;
/** An owner on another host, or before a restart of this one, is taken for dead when it has said nothing for so long. */
const SILENT_MS = 30_000;

export class Owner {
  readonly #path: string;
  readonly #read: Statement;
  readonly #take: Statement;
  readonly #leave: Statement;
  readonly #beat: Statement;
  /** Of our ownership; `null` while we have none. */
  #epoch: number | null = null;

  constructor(database: Database, path: string) {
    this.#path = path;
    this.#read = database.prepare("SELECT * FROM owner");
    this.#take = database.prepare("UPDATE owner SET runner = ?, epoch = epoch + 1, pid = ?, process_started = ?, boot = ?, host = ?, heartbeat_at = ? RETURNING epoch");
    this.#leave = database.prepare("UPDATE owner SET runner = NULL WHERE epoch = ?");
    this.#beat = database.prepare("UPDATE owner SET heartbeat_at = ? WHERE epoch = ?");
  }

  /**
   * @returns whether the owner before has died without a word
   * @throws StorageError while it is alive
   */
  own(runner: string, now: number): boolean {
    const row = this.#row();
    const holder = textOrNull(row["runner"]);
    if (holder === runner && number(row["epoch"]) === this.#epoch) return false;
    if (holder !== null && (number(row["epoch"]) === this.#epoch || isAlive(row, now))) {
      throw new StorageError(
        `${this.#path} is already owned by runner ${holder} of process ${number(row["pid"])} on ${text(row["host"])}, so runner ${runner} cannot run its jobs: ` +
          "stop the other engine first, or do not start this one and use it as a client",
      );
    }
    this.#epoch = number(this.#take.get(runner, process.pid, processStart(process.pid), bootId(), hostname(), now)?.["epoch"]);
    return holder !== null;
  }

  disown(runner: string): void {
    if (textOrNull(this.#row()["runner"]) === runner) this.leave();
  }

  leave(): void {
    if (this.#epoch !== null) this.#leave.run(this.#epoch);
    this.#epoch = null;
  }

  get isUs(): boolean {
    return this.#epoch !== null;
  }

  beat(now: number): void {
    if (this.#epoch !== null) this.#beat.run(now, this.#epoch);
  }

  /** Whether `runner` may run jobs: it owns the file, or nobody does. */
  mayRun(runner: string): boolean {
    const holder = textOrNull(this.#row()["runner"]);
    return holder === null || holder === runner;
  }

  /** @throws StorageError if somebody else has taken over: what this process believes to run is theirs now */
  requireEpoch(): void {
    if (this.#epoch === null) return;
    const row = this.#row();
    if (number(row["epoch"]) === this.#epoch) return;
    throw new StorageError(
      `${this.#path} was taken over by runner ${textOrNull(row["runner"]) ?? "(gone)"} of process ${number(row["pid"])} on ${text(row["host"])}, ` +
        "because this process was taken for dead: it must not write any more. Stop this engine",
    );
  }

  #row(): SqlRow {
    return this.#read.get() ?? {};
  }
}

function isAlive(row: SqlRow, now: number): boolean {
  const pid = numberOrNull(row["pid"]);
  const isHere = textOrNull(row["host"]) === hostname() && textOrNull(row["boot"]) === bootId();
  if (!isHere || pid === null) return now - number(row["heartbeat_at"]) < SILENT_MS;
  return exists(pid) && textOrNull(row["process_started"]) === processStart(pid);
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

/** Tells this start of the machine from others; `null` where nobody tells. */
function bootId(): string | null {
  return tryToRead("/proc/sys/kernel/random/boot_id");
}

/** Tells a process from others that have had its number; `null` where nobody tells. */
function processStart(pid: number): string | null {
  // The name of the program, in brackets, may hold anything; the start is the 20th word after it.
  const stat = tryToRead(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}

function tryToRead(file: string): string | null {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return null;
  }
}
