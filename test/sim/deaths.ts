/**
 * What must follow from the deaths of whole processes, told a second time: whatever was in flight at two of them in a row runs alone, and
 * if its process dies once more then, it is to blame, and nobody else.
 */

import type { JobId } from "../../src/job/job-record.js";
import type { Transition } from "../../src/job/lifecycle.js";
import type { Ledger } from "./ledger.js";

const SUSPICIOUS = 2;

interface InFlight {
  deaths: number;
  /** It runs with nothing beside it. */
  isAlone: boolean;
  /** Its process is dead, and that was counted; it was not given back since. */
  isCounted: boolean;
}

export class Deaths {
  readonly #ledger: Ledger;
  readonly #note: (what: string) => void;
  readonly #jobs = new Map<JobId, InFlight>();
  #owner: string | null = null;

  constructor(ledger: Ledger, note: (what: string) => void) {
    this.#ledger = ledger;
    this.#note = note;
  }

  /** Somebody else could only become the owner since the one before has died. */
  owned(runner: string): void {
    const hasDied = this.#owner !== null && this.#owner !== runner;
    this.#owner = runner;
    if (!hasDied) return;
    this.#note("owners found dead");
    const inFlight = this.#running().filter((id) => !this.#of(id).isCounted);
    const alone = inFlight.find((id) => this.#of(id).isAlone);
    for (const id of inFlight) {
      const job = this.#of(id);
      job.isCounted = true;
      if (alone === undefined) job.deaths += 1;
    }
    if (alone === undefined) return;
    this.#note("jobs given up");
    this.#ledger.givenUp(alone);
    this.forget(alone);
  }

  left(runner: string): void {
    if (this.#owner === runner) this.#owner = null;
  }

  claimed(id: JobId): void {
    const job = this.#of(id);
    job.isCounted = false;
    job.isAlone = job.deaths >= SUSPICIOUS;
    const others = this.#running().filter((other) => other !== id);
    const alone = others.find((other) => this.#of(other).isAlone);
    const name = this.#ledger.alias(id);
    if (job.isAlone) this.#note("jobs that ran alone, since processes had died");
    if (job.isAlone && others.length > 0) this.#ledger.violate(8, `${name} is suspected of the death of processes, and was claimed beside ${others.length} others`);
    else if (alone !== undefined) this.#ledger.violate(8, `${name} was claimed beside ${this.#ledger.alias(alone)}, which is to run alone`);
  }

  /** One that is only given back has not shown that it can run. */
  ended({ id, to }: Transition): void {
    if (to === "waiting") this.#giveBack(id);
    else this.forget(id);
  }

  reclaimed(id: JobId): void {
    this.#giveBack(id);
  }

  /** It is cleared of suspicion, or gone. */
  forget(id: JobId): void {
    this.#jobs.delete(id);
  }

  #giveBack(id: JobId): void {
    Object.assign(this.#of(id), { isAlone: false, isCounted: false });
  }

  #running(): JobId[] {
    return [...this.#ledger.jobs].filter(([, { state }]) => state === "running").map(([id]) => id);
  }

  #of(id: JobId): InFlight {
    const job = this.#jobs.get(id) ?? { deaths: 0, isAlone: false, isCounted: false };
    this.#jobs.set(id, job);
    return job;
  }
}
