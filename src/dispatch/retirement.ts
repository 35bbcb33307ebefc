/**
 * Ends lanes in an orderly way: those that nobody knows the state of any more, since code outside of all runs has failed there,
 * those whose heap stays too full, and those that have run as many jobs as they may. A retired lane gets no new jobs, and is
 * replaced at once, lest the queue wait for what runs there; that ends normally, and then the lane does.
 */

import type { Clock, Timer } from "../clock.js";
import type { JobId } from "../job/job-record.js";
import type { WireError } from "../protocol/wire-error.js";
import type { Flight, Flights } from "./flights.js";
import type { Lane } from "./pool.js";

/** A thread that does not hear in this time that something is to stop, is held. */
const HEARING_MS = 1_000;

/** What was more than `maxJobsPerThread` or `maxHeapPerThread` allow, or the error that no run has caught. */
export type RetireCause = "jobs" | "heap" | WireError;

export interface RetirementDeps {
  readonly clock: Clock;
  readonly flights: Flights;
  readonly maxJobsPerThread: number | null;
  /** Jobs that a lane runs at once. */
  readonly concurrency: number;
  /** How long a failed run may go on before its thread is ended all the same. */
  readonly graceMs: number;
  /** Takes back what has not started on this lane. */
  readonly clear: (lane: Lane) => void;
}

/** Why a lane is to end, and what still keeps it. */
interface Leaver {
  readonly cause: RetireCause;
  /** Runs that have failed already, but whose code goes on. */
  readonly ghosts: Set<JobId>;
  /** They are given a moment to end. */
  isPatient: boolean;
  timer: Timer | undefined;
  isEnding: boolean;
}

export class Retirement {
  readonly #deps: RetirementDeps;
  readonly #leavers = new Map<Lane, Leaver>();
  #isStopped = false;

  constructor(deps: RetirementDeps) {
    this.#deps = deps;
  }

  /** The first cause counts. */
  retire(lane: Lane, cause: RetireCause): void {
    if (this.#isStopped || this.#deps.flights.mode(lane) === undefined || this.#leavers.has(lane)) return;
    this.#leavers.set(lane, { cause, ghosts: new Set(), isPatient: false, timer: undefined, isEnding: false });
    this.#begin(lane);
  }

  /** A run on a retired lane has failed, but its code goes on: it is given a moment to end too. */
  haunt({ job, lane }: Flight): void {
    const leaver = this.#leavers.get(lane);
    if (leaver === undefined) return;
    leaver.ghosts.add(job.id);
    lane.askToStop(job.id, "cancel");
    if (leaver.timer !== undefined) return;
    leaver.isPatient = true;
    leaver.timer = this.#deps.clock.setTimer(this.#deps.graceMs, () => {
      leaver.isPatient = false;
      this.check(lane);
      if (!leaver.isEnding) this.#watch(lane, leaver);
    });
  }

  /** A ghost that holds the thread would keep others there for ever: it has no deadline any more, and cannot be cancelled. */
  #watch(lane: Lane, leaver: Leaver): void {
    const asked = [...leaver.ghosts];
    for (const id of asked) lane.askToStop(id, "cancel");
    leaver.timer = this.#deps.clock.setTimer(Math.max(this.#deps.graceMs, HEARING_MS), () => {
      leaver.timer = undefined;
      if (asked.some((id) => leaver.ghosts.has(id) && !lane.heardStop(id))) lane.kill();
      else if (leaver.ghosts.size > 0) this.#watch(lane, leaver);
    });
  }

  /** The code of a failed run has ended after all. */
  layToRest(lane: Lane, id: JobId): void {
    if (this.#leavers.get(lane)?.ghosts.delete(id) === true) this.check(lane);
  }

  /** To be called when a run has ended on a lane, whatever came of it. */
  check(lane: Lane): void {
    const { flights } = this.#deps;
    if (this.#isUsedUp(lane)) this.retire(lane, "jobs");
    const leaver = this.#leavers.get(lane);
    if (leaver === undefined) return;
    this.#begin(lane);
    if (flights.mode(lane) !== "retiring" || leaver.isEnding || flights.countOn(lane) > 0 || (leaver.isPatient && leaver.ghosts.size > 0)) return;
    leaver.isEnding = true;
    leaver.timer?.cancel();
    lane.end();
  }

  /** A lane is gone. @returns why it was retired, if it was */
  gone(lane: Lane): RetireCause | undefined {
    const leaver = this.#leavers.get(lane);
    leaver?.timer?.cancel();
    this.#leavers.delete(lane);
    return leaver?.cause;
  }

  /** All lanes are about to be ended anyway. */
  stop(): void {
    this.#isStopped = true;
    for (const { timer } of this.#leavers.values()) timer?.cancel();
    this.#leavers.clear();
  }

  #begin(lane: Lane): void {
    const { flights, clear } = this.#deps;
    if (flights.mode(lane) === "retiring" || !this.#isOfUse(lane)) return;
    flights.setMode(lane, "retiring");
    clear(lane);
    this.check(lane);
    // One that ends at once is replaced by its end: then no two threads need their memory.
    if (this.#leavers.get(lane)?.isEnding === false) lane.retire();
  }

  /** It may be sent no more jobs, and those that it has leave room that nobody will use. */
  #isUsedUp(lane: Lane): boolean {
    const { flights, maxJobsPerThread, concurrency } = this.#deps;
    const count = flights.countOn(lane);
    if (maxJobsPerThread === null || flights.served(lane) + count < maxJobsPerThread || count >= concurrency) return false;
    return [...flights.on(lane)].every(({ job }) => lane.startedAt(job.id) !== null);
  }

  /**
   * A lane is not replaced before it has run something. Else one whose state breaks as soon as it is made would be replaced over
   * and over, and no job ever run.
   */
  #isOfUse(lane: Lane): boolean {
    if (this.#deps.flights.served(lane) > 0) return true;
    for (const { job } of this.#deps.flights.on(lane)) if (lane.startedAt(job.id) !== null) return true;
    return false;
  }
}
