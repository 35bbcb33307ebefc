/**
 * Other processes that have the same file open. One that does not run the jobs says now and then that it is there; as long as one is,
 * what ends is written to a list, so that it can be told to those who await it there.
 */

import type { JobId } from "../../job/job-record.js";
import type { Database, Statement } from "./driver.js";
import { number, text } from "./row.js";

/** So often a process says that it is there. */
const PAUSE_MS = 4_000;
/** Who has said nothing for so long, and while the owner has said so often that it lives, is gone: clocks are set, and machines sleep. */
const SILENT_MS = 15_000;
const SILENT_BEATS = 3;
/** So many of the last ends are listed: more than happen between two looks. */
const MOST_LISTED = 100_000;

export class Neighbours {
  readonly #version: Statement;
  readonly #seen: Statement;
  readonly #sayHere: Statement;
  readonly #list: Statement;
  readonly #trim: Statement;
  readonly #since: Statement;
  readonly #last: Statement;
  #knownVersion: number;
  /** Read, and not told yet. */
  #readVersionNow: number;
  #seenAt: number;
  #lastRead: number;
  #lastTold: number;
  #saidAt = -Infinity;
  /** Of the owner, since somebody else said something. */
  #beats: number;
  /** Ends may not have been listed, or not long enough. */
  #mayHaveMissed = false;

  /** @param told by the thread before: what others did since may have been told by nobody */
  constructor(database: Database, told: number | null) {
    this.#version = database.prepare("PRAGMA data_version");
    this.#seen = database.prepare("SELECT seen_at FROM clients");
    this.#sayHere = database.prepare("UPDATE clients SET seen_at = ?");
    this.#list = database.prepare("INSERT INTO ended (id) VALUES (?)");
    this.#trim = database.prepare("DELETE FROM ended WHERE seq <= (SELECT max(seq) FROM ended) - ?");
    this.#since = database.prepare("SELECT seq, id FROM ended WHERE seq > ? ORDER BY seq");
    this.#last = database.prepare("SELECT max(seq) AS seq FROM ended");
    this.#readVersionNow = this.#readVersion();
    this.#knownVersion = told === null ? this.#readVersionNow : NaN;
    this.#lastRead = this.#lastTold = told ?? number(this.#last.get()?.["seq"]);
    this.#seenAt = this.#readSeen();
    // Both were written by clocks as they were then.
    const ownerSeenAt = number(database.prepare("SELECT heartbeat_at FROM owner").get()?.["heartbeat_at"] ?? 0);
    this.#beats = this.#seenAt > 0 && this.#seenAt > ownerSeenAt - SILENT_MS ? 0 : SILENT_BEATS;
  }

  /** For the thread after this one. */
  get told(): number {
    return this.#lastTold;
  }

  /** Whether another process has written since that was told last. */
  hasNews(): boolean {
    this.#readVersionNow = this.#readVersion();
    if (this.#readVersionNow === this.#knownVersion && !this.#mayHaveMissed) return false;
    const seenAt = this.#readSeen();
    if (seenAt !== this.#seenAt) this.#beats = 0;
    this.#seenAt = seenAt;
    return true;
  }

  /** What was read since is told now; what a transaction read that failed, is read again. */
  noteTold(): void {
    this.#knownVersion = this.#readVersionNow;
    this.#lastTold = this.#lastRead;
    this.#mayHaveMissed = false;
  }

  get mayHaveMissed(): boolean {
    return this.#mayHaveMissed;
  }

  /** Whether anybody may be waiting for what ends here. */
  areThere(now: number): boolean {
    return now - this.#seenAt < SILENT_MS || this.#beats < SILENT_BEATS;
  }

  /** Whether this process has said lately that it is there. */
  hasSaidHere(now: number): boolean {
    const silentMs = now - this.#saidAt;
    return silentMs < PAUSE_MS && silentMs >= 0;
  }

  /** Of a process that does not run the jobs. */
  sayHere(now: number): void {
    if (this.hasSaidHere(now)) return;
    const silentMs = now - this.#saidAt;
    // It was stopped for a while, and taken for gone.
    if (silentMs >= SILENT_MS && this.#saidAt !== -Infinity) this.#mayHaveMissed = true;
    this.#saidAt = now;
    this.#sayHere.run(now);
  }

  /** To be called at each beat of the owner. */
  beat(): void {
    this.#beats += 1;
    this.#trim.run(MOST_LISTED);
  }

  noteEnds(ids: readonly JobId[]): void {
    for (const id of ids) this.#list.run(id);
  }

  /** What has ended since that was told last, also here. */
  ends(): JobId[] {
    const rows = this.#since.all(this.#lastTold);
    // Those in between were trimmed.
    if (number(rows[0]?.["seq"]) > this.#lastTold + 1) this.#mayHaveMissed = true;
    this.#lastRead = number(rows.at(-1)?.["seq"] ?? this.#lastTold);
    return rows.map((row) => text(row["id"]));
  }

  #readSeen(): number {
    return number(this.#seen.get()?.["seen_at"]);
  }

  #readVersion(): number {
    return number(this.#version.get()?.["data_version"]);
  }
}
