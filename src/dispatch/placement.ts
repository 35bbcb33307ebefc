/** Puts claimed jobs on lanes, and gives back to storage what fits none. */

import type { ClaimedJob, JobId } from "../job/job-record.js";
import { isDetached } from "../job/payload-kinds.js";
import type { Capacity } from "./capacity.js";
import type { Endings } from "./endings.js";
import { lostFailure } from "./failures.js";
import { type Flight, type Flights, newFlight } from "./flights.js";
import { planFrames } from "./frame-plan.js";
import type { Lane } from "./pool.js";
import type { Stops } from "./stops.js";

export interface PlacementDeps {
  readonly flights: Flights;
  readonly capacity: Capacity;
  readonly endings: Endings;
  readonly stops: Stops;
  /** A job that is held elsewhere goes on under its new claim. False if it is not. */
  readonly adopt: (job: ClaimedJob) => boolean;
  readonly onStarted: (job: ClaimedJob) => void;
  readonly onSent: (lane: Lane) => void;
}

export class Placement {
  readonly #deps: PlacementDeps;
  /** Not on a lane when they were cancelled: a claim whose answer is under way may bring them. */
  readonly #cancelledEarly = new Set<JobId>();

  constructor(deps: PlacementDeps) {
    this.#deps = deps;
  }

  /** How many jobs may be claimed now. */
  claimable(): number {
    const { flights, capacity } = this.#deps;
    let count = 0;
    for (const lane of flights.openLanes()) count += capacity.claimable(flights.load(lane));
    return count;
  }

  cancelEarly(id: JobId): void {
    this.#cancelledEarly.add(id);
  }

  /** No claim is under way any more. */
  forgetEarly(): void {
    this.#cancelledEarly.clear();
  }

  /** Sends what fits, and gives the rest back. */
  place(claimed: readonly ClaimedJob[], lanes: readonly Lane[]): void {
    const { flights, capacity, endings } = this.#deps;
    const jobs = claimed.filter((job) => !this.#adopt(job) && !this.#settleUnsent(job));
    const { frames, rest } = planFrames({ jobs, lanes, flights, capacity });
    for (const job of rest) {
      capacity.noteMisfit(job.name);
      endings.settle(job, { kind: "unexecuted" });
    }
    for (const [lane, frame] of frames) {
      this.send(lane, frame.map((job) => newFlight({ job, lane, estimateMs: capacity.estimateMs(job.name) })));
    }
  }

  send(lane: Lane, flights: readonly Flight[]): void {
    const { stops, onStarted, onSent } = this.#deps;
    for (const flight of flights) this.#deps.flights.add(flight);
    lane.send(flights.map(({ job }) => job));
    for (const { job } of flights) {
      stops.watch(job);
      onStarted(job);
    }
    onSent(lane);
  }

  /** Ends a job that must not, or cannot, be sent. @returns whether it was one */
  #settleUnsent(job: ClaimedJob): boolean {
    const { endings } = this.#deps;
    if (this.#cancelledEarly.has(job.id)) endings.settle(job, { kind: "unexecuted" }, { cancelRequested: true });
    else if (isWhole(job)) return false;
    else endings.settle(job, lostFailure(job));
    return true;
  }

  /** A job that we hold still, though its claim was taken from us meanwhile, goes on under the new claim. @returns whether it is one */
  #adopt(job: ClaimedJob): boolean {
    const flight = this.#deps.flights.get(job.id);
    if (flight !== undefined) flight.job = job;
    return flight !== undefined || this.#deps.adopt(job);
  }
}

/** Nothing of its payload has gone to a thread for good. */
export function isWhole({ attachments }: ClaimedJob): boolean {
  return !attachments.some(isDetached);
}
