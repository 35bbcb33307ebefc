/** The jobs that are on lanes now, and what each lane holds. */

import type { ClaimedJob, JobId } from "../job/job-record.js";
import type { LaneLoad } from "./capacity.js";
import type { Lane } from "./pool.js";

/** A claimed job on a lane. */
export interface Flight {
  job: ClaimedJob;
  readonly lane: Lane;
  /** `Infinity` from when it turns out long. */
  estimateMs: number;
  cancelRequested: boolean;
  timedOut: boolean;
  /** The progress that was told last. */
  toldProgress: number | null;
}

export class Flights {
  readonly #byId = new Map<JobId, Flight>();
  readonly #byLane = new Map<Lane, Set<Flight>>();

  get size(): number {
    return this.#byId.size;
  }

  get lanes(): IterableIterator<Lane> {
    return this.#byLane.keys();
  }

  get laneCount(): number {
    return this.#byLane.size;
  }

  addLane(lane: Lane): void {
    this.#byLane.set(lane, new Set());
  }

  removeLane(lane: Lane): void {
    this.#byLane.delete(lane);
  }

  add(flight: Flight): void {
    this.#byId.set(flight.job.id, flight);
    this.#byLane.get(flight.lane)?.add(flight);
  }

  get(id: JobId): Flight | undefined {
    return this.#byId.get(id);
  }

  /** Takes a flight out; `undefined` if it is not there (any more). */
  take(id: JobId): Flight | undefined {
    const flight = this.#byId.get(id);
    if (flight === undefined) return undefined;
    this.#byId.delete(id);
    this.#byLane.get(flight.lane)?.delete(flight);
    return flight;
  }

  on(lane: Lane): ReadonlySet<Flight> {
    return this.#byLane.get(lane) ?? new Set();
  }

  all(): IterableIterator<Flight> {
    return this.#byId.values();
  }

  load(lane: Lane): LaneLoad {
    const flights = this.on(lane);
    let heldMs = 0;
    for (const flight of flights) heldMs += flight.estimateMs;
    return { count: flights.size, heldMs, room: lane.room };
  }
}
