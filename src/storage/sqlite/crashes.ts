/**
 * What follows when a whole process has died. Whatever it had claimed just runs again. A job that was in flight at two deaths in a row is a
 * suspect: suspects run before others, one at a time and with nothing beside them, so that the next death tells whose fault it is.
 */

import type { Transition } from "../../job/lifecycle.js";
import { crashLooped, SUSPICIOUS_DEATHS } from "../../job/lifecycle.js";
import type { ClaimRequest } from "../storage.js";
import type { Around } from "./around.js";
import type { Statement } from "./driver.js";
import { number, text } from "./row.js";

export class Crashes {
  readonly #around: Around;
  readonly #isPaused: (queue: string) => boolean;
  readonly #alone: Statement;
  readonly #noteDeath: Statement;
  readonly #noteDeathAlone: Statement;
  readonly #anySuspect: Statement;
  readonly #suspect: Statement;
  readonly #anyRuns: Statement;
  readonly #markAlone: Statement;
  /** By queue: the names of the last claim. Only suspects that can be claimed are waited for. */
  readonly #claimers = new Map<string, readonly string[]>();
  /** There may be suspects. */
  #isWary = true;

  constructor(around: Around, isPaused: (queue: string) => boolean) {
    const { database } = around;
    const suspicious = `deaths >= ${SUSPICIOUS_DEATHS}`;
    this.#around = around;
    this.#isPaused = isPaused;
    // Who has no runner was counted already: the process that came next died before it gave the job back.
    this.#alone = database.prepare("SELECT id, fence, attempt, run_at, deaths FROM jobs WHERE state = 'running' AND alone = 1 AND runner IS NOT NULL");
    this.#noteDeath = database.prepare("UPDATE jobs SET deaths = deaths + 1, runner = NULL WHERE state = 'running' AND runner IS NOT NULL");
    this.#noteDeathAlone = database.prepare("UPDATE jobs SET runner = NULL WHERE state = 'running'");
    this.#anySuspect = database.prepare(`SELECT 1 FROM jobs WHERE ${suspicious} LIMIT 1`);
    this.#suspect = database.prepare(`SELECT seq FROM jobs WHERE ${suspicious} AND ready = 1 AND queue = ? AND name = ? ORDER BY seq LIMIT 1`);
    this.#anyRuns = database.prepare("SELECT 1 FROM jobs WHERE state = 'running' LIMIT 1");
    this.#markAlone = database.prepare("UPDATE jobs SET alone = 1 WHERE seq = ?");
  }

  /** A runner owns the file, and not all queues of the one before need be its own. */
  noteOwner(): void {
    this.#claimers.clear();
  }

  /**
   * The process that owned the file has died. If a job ran alone, it is to blame, and nobody else.
   *
   * @returns the end of that job
   */
  noteDeath(now: number): Transition | null {
    this.#isWary = true;
    const row = this.#alone.get();
    if (row === undefined) {
      this.#noteDeath.run();
      return null;
    }
    this.#noteDeathAlone.run();
    return {
      ...{ id: text(row["id"]), fence: number(row["fence"]), to: "dead", attempt: number(row["attempt"]), runAt: number(row["run_at"]) },
      ...{ failure: crashLooped(number(row["deaths"]) + 1), result: null, resultMoved: false, progress: null, at: now },
    };
  }

  /**
   * Whose turn a claim is.
   *
   * @returns `null`: that of anybody; a suspect, that of it alone; `"nobody"`: something has to end before
   */
  turn({ queue, names }: ClaimRequest): { readonly seq: number } | "nobody" | null {
    if (!this.#isWary) return null;
    this.#claimers.set(queue, names);
    if (this.#anySuspect.get() === undefined) {
      this.#isWary = false;
      return null;
    }
    const next = this.#nextSuspect();
    const isAloneAtWork = this.#alone.get() !== undefined;
    if (isAloneAtWork || (next !== undefined && (next.queue !== queue || this.#anyRuns.get() !== undefined))) return "nobody";
    if (next === undefined) return null;
    this.#markAlone.run(next.seq);
    return next;
  }

  /** After a write: whoever had to wait may look again. */
  look(): void {
    if (this.#isWary) for (const queue of this.#claimers.keys()) this.#around.changes.ready(queue);
  }

  #nextSuspect(): { readonly seq: number; readonly queue: string } | undefined {
    for (const [queue, names] of this.#claimers) {
      if (this.#isPaused(queue)) continue;
      for (const name of names) {
        const row = this.#suspect.get(queue, name);
        if (row !== undefined) return { seq: number(row["seq"]), queue };
      }
    }
    return undefined;
  }
}
