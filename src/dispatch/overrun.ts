/**
 * Notices jobs that hold up others: several were sent to a lane because all were thought short, and one of them is not. Sets a
 * timer only while jobs wait on a lane behind others.
 */

import type { Clock, Timer } from "../clock.js";
import type { Flights } from "./flights.js";
import type { Lane } from "./pool.js";

/** Whoever runs this long is not short. */
const OVERRUN_MS = 10;
/** An answer that lies in shared memory while its thread is busy with the next job is fetched after this long. */
const LOOK_MS = 5;

export interface OverrunDeps {
  readonly clock: Clock;
  readonly flights: Flights;
  /** Jobs a lane runs at once; what it holds beyond that waits. */
  readonly concurrency: number;
  /** A job has already run so long. */
  readonly onLong: (name: string, ranMs: number) => void;
  /** What waits on this lane waits too long. */
  readonly onBlocked: (lane: Lane) => void;
}

export class Overrun {
  readonly #deps: OverrunDeps;
  #timer: Timer | undefined;

  constructor(deps: OverrunDeps) {
    this.#deps = deps;
  }

  /** Jobs were sent to this lane. */
  watch(lane: Lane): void {
    if (this.#hasWaiting(lane)) this.#timer ??= this.#deps.clock.setTimer(LOOK_MS, () => this.#check());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #hasWaiting(lane: Lane): boolean {
    return this.#deps.flights.countOn(lane) > this.#deps.concurrency;
  }

  #check(): void {
    this.#timer = undefined;
    for (const lane of this.#deps.flights.lanes) {
      if (!this.#hasWaiting(lane)) continue;
      lane.collect();
      if (this.#noteLong(lane)) this.#deps.onBlocked(lane);
      else this.watch(lane);
    }
  }

  #noteLong(lane: Lane): boolean {
    const { flights, clock, onLong } = this.#deps;
    let isLong = false;
    for (const flight of flights.on(lane)) {
      const startedAt = lane.startedAt(flight.job.id);
      const ranMs = startedAt === null ? 0 : clock.monotonic() - startedAt;
      if (ranMs < OVERRUN_MS) continue;
      // Nothing more is sent to wait behind it, whatever is learned of others meanwhile.
      flight.estimateMs = Infinity;
      onLong(flight.job.name, ranMs);
      isLong = true;
    }
    return isLong;
  }
}
