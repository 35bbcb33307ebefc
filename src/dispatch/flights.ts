/** The jobs that are on lanes now, and what each lane holds and is for. */

import type { LogLine } from "../job/job-context.js";
import type { ClaimedJob, JobId } from "../job/job-record.js";
import type { StopReason } from "../protocol/control-block.js";
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
  /** It went on when the grace was over: its lane is being killed, for this. */
  condemned: StopReason | null;
  /** Alone on its lane, since it may have ended one before. */
  readonly isSuspect: boolean;
  /** The progress that was told last. */
  toldProgress: number | null;
  /** The last lines that it logged. */
  log: readonly LogLine[];
}

const NOTHING_SAID: readonly LogLine[] = Object.freeze([]);

/** A job that has just been sent. */
export function newFlight(start: Pick<Flight, "job" | "lane"> & Partial<Pick<Flight, "estimateMs" | "isSuspect">>): Flight {
  const { job, lane, estimateMs = Infinity, isSuspect = false } = start;
  return { job, lane, estimateMs, isSuspect, cancelRequested: false, timedOut: false, condemned: null, toldProgress: null, log: NOTHING_SAID };
}

/** `open`: for any job. `quarantine`: for one suspect at a time. `retiring`: for none any more. */
export type LaneMode = "open" | "quarantine" | "retiring";

interface Hold {
  readonly flights: Map<JobId, Flight>;
  mode: LaneMode;
  /** Runs that have ended here. */
  served: number;
}

export class Flights {
  /** Jobs are kept by lane: there are few of those, and thousands of jobs a second come and go. */
  readonly #byLane = new Map<Lane, Hold>();
  /** Runs that a lane is for. */
  readonly #maxPerLane: number;

  constructor(maxPerLane: number | null = null) {
    this.#maxPerLane = maxPerLane ?? Infinity;
  }

  get size(): number {
    let size = 0;
    for (const { flights } of this.#byLane.values()) size += flights.size;
    return size;
  }

  get lanes(): IterableIterator<Lane> {
    return this.#byLane.keys();
  }

  /** Those that are not about to end. */
  get laneCount(): number {
    let count = 0;
    for (const { mode } of this.#byLane.values()) if (mode !== "retiring") count += 1;
    return count;
  }

  /** Those that take any job. */
  openLanes(): Lane[] {
    const lanes: Lane[] = [];
    for (const [lane, { mode }] of this.#byLane) if (mode === "open") lanes.push(lane);
    return lanes;
  }

  addLane(lane: Lane): void {
    this.#byLane.set(lane, { flights: new Map(), mode: "open", served: 0 });
  }

  removeLane(lane: Lane): void {
    this.#byLane.delete(lane);
  }

  /** `undefined` once it is gone. */
  mode(lane: Lane): LaneMode | undefined {
    return this.#byLane.get(lane)?.mode;
  }

  setMode(lane: Lane, mode: LaneMode): void {
    const hold = this.#byLane.get(lane);
    if (hold !== undefined) hold.mode = mode;
  }

  /** How many runs have ended on a lane. */
  served(lane: Lane): number {
    return this.#byLane.get(lane)?.served ?? 0;
  }

  noteServed(lane: Lane): void {
    const hold = this.#byLane.get(lane);
    if (hold !== undefined) hold.served += 1;
  }

  /** Its lane must be known. */
  add(flight: Flight): void {
    this.#byLane.get(flight.lane)?.flights.set(flight.job.id, flight);
  }

  get(id: JobId): Flight | undefined {
    for (const { flights } of this.#byLane.values()) {
      const flight = flights.get(id);
      if (flight !== undefined) return flight;
    }
    return undefined;
  }

  /** Not if it was given back, when the engine stopped, or failed or lost its lane, and was sent to another one since. */
  getOn(lane: Lane, id: JobId): Flight | undefined {
    return this.#byLane.get(lane)?.flights.get(id);
  }

  remove({ lane, job }: Flight): void {
    this.#byLane.get(lane)?.flights.delete(job.id);
  }

  countOn(lane: Lane): number {
    return this.#byLane.get(lane)?.flights.size ?? 0;
  }

  on(lane: Lane): Iterable<Flight> {
    return this.#byLane.get(lane)?.flights.values() ?? [];
  }

  *all(): Iterable<Flight> {
    for (const { flights } of this.#byLane.values()) yield* flights.values();
  }

  load(lane: Lane): LaneLoad {
    let heldMs = 0;
    for (const flight of this.on(lane)) heldMs += flight.estimateMs;
    const count = this.countOn(lane);
    const runsLeft = this.#maxPerLane - this.served(lane) - count;
    return { count, heldMs, room: Math.min(lane.room, runsLeft) };
  }
}
