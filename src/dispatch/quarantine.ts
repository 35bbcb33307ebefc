/**
 * Finds out which of several jobs ended their lane: each runs once more, alone on a lane, one after the other. Their claims are
 * kept meanwhile, since any other claim could bring them together again.
 *
 *     held ── lane is empty ──▶ flies alone ── over ──▶ (not our matter any more)
 *       └── cancelled, or the engine stops ──▶ given back
 *
 * One lane at a time is set apart for it, and given back when nobody is suspected any more.
 */

import type { ClaimedJob, JobId } from "../job/job-record.js";
import type { Flights } from "./flights.js";
import type { Lane } from "./pool.js";

export interface QuarantineDeps {
  readonly flights: Flights;
  /** Takes back what has not started on this lane: it is needed. */
  readonly clear: (lane: Lane) => void;
  readonly send: (lane: Lane, job: ClaimedJob) => void;
  /** A lane may take any job again. */
  readonly onReleased: () => void;
}

export class Quarantine {
  readonly #deps: QuarantineDeps;
  /** In the order in which they will run. */
  readonly #held = new Map<JobId, ClaimedJob>();
  #lane: Lane | undefined;
  #isChoosing = false;

  constructor(deps: QuarantineDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#held.size;
  }

  held(): readonly ClaimedJob[] {
    return [...this.#held.values()];
  }

  add(job: ClaimedJob): void {
    this.#held.set(job.id, job);
  }

  /** The claim of a suspect was taken from us and came back: it is suspected still. */
  adopt(job: ClaimedJob): boolean {
    if (!this.#held.has(job.id)) return false;
    this.#held.set(job.id, job);
    return true;
  }

  /** Lets a suspect go; `undefined` if it is none. */
  take(id: JobId): ClaimedJob | undefined {
    const job = this.#held.get(id);
    this.#held.delete(id);
    return job;
  }

  /** Lets all go that do not run now. */
  drain(): readonly ClaimedJob[] {
    const jobs = this.held();
    this.#held.clear();
    return jobs;
  }

  /** To be called whenever a lane has come, gone, or become emptier. */
  proceed(): void {
    // What is taken back to clear a lane makes it emptier.
    if (this.#isChoosing) return;
    if (this.#lane !== undefined && this.#deps.flights.mode(this.#lane) !== "quarantine") this.#lane = undefined;
    const [suspect] = this.#held.values();
    if (suspect === undefined) return this.#release();
    const lane = this.#choose();
    if (lane === undefined || this.#deps.flights.countOn(lane) > 0) return;
    this.#held.delete(suspect.id);
    this.#deps.send(lane, suspect);
  }

  /** The lane that is set apart. An empty one is better than one that still has to run empty. */
  #choose(): Lane | undefined {
    const { flights, clear } = this.#deps;
    const load = (lane: Lane): number => flights.countOn(lane);
    const current = this.#lane;
    if (current !== undefined && (load(current) === 0 || this.#isSuspectOn(current))) return current;
    const [emptiest] = flights.openLanes().sort((a, b) => load(a) - load(b));
    if (emptiest === undefined || (current !== undefined && load(emptiest) > 0)) return current;
    if (current !== undefined) this.#reopen(current);
    flights.setMode(emptiest, "quarantine");
    this.#lane = emptiest;
    this.#isChoosing = true;
    clear(emptiest);
    this.#isChoosing = false;
    return emptiest;
  }

  #isSuspectOn(lane: Lane): boolean {
    for (const { isSuspect } of this.#deps.flights.on(lane)) if (isSuspect) return true;
    return false;
  }

  #release(): void {
    const lane = this.#lane;
    if (lane === undefined || this.#isSuspectOn(lane)) return;
    this.#lane = undefined;
    this.#reopen(lane);
  }

  #reopen(lane: Lane): void {
    this.#deps.flights.setMode(lane, "open");
    this.#deps.onReleased();
  }
}
