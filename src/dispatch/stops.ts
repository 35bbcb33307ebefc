/**
 * Ends runs that are to end: those past their deadline, and those that were cancelled. Both in the same steps: the flag in shared
 * memory and `ctx.signal`, then the grace, then the end of the thread.
 */

import type { Clock } from "../clock.js";
import type { ClaimedJob, JobId } from "../job/job-record.js";
import type { Outcome } from "../job/lifecycle.js";
import type { StopReason } from "../protocol/control-block.js";
import { timeoutFailure } from "./failures.js";
import type { Flight, Flights } from "./flights.js";
import type { Lane } from "./pool.js";
import { Watchdog } from "./watchdog.js";

export interface StopsDeps {
  readonly clock: Clock;
  readonly flights: Flights;
  /** For jobs that have no timeout of their own. */
  readonly timeoutMs: number | null;
  readonly graceMs: number;
  /** Takes back what has not started on this lane. */
  readonly clear: (lane: Lane) => void;
}

export class Stops {
  readonly #deps: StopsDeps;
  readonly #watchdog: Watchdog;
  readonly #killedFor = new WeakMap<Lane, StopReason>();

  constructor(deps: StopsDeps) {
    this.#deps = deps;
    const { clock, graceMs, flights } = deps;
    this.#watchdog = new Watchdog({
      ...{ clock, graceMs },
      startedAt: (id) => flights.get(id)?.lane.startedAt(id) ?? null,
      onDeadline: (id) => this.#onDeadline(id),
      onGraceOver: (id) => this.#onGraceOver(id),
    });
  }

  /** The job was sent. */
  watch(job: ClaimedJob): void {
    const timeoutMs = this.timeoutMs(job);
    if (timeoutMs !== null) this.#watchdog.watch(job.id, timeoutMs);
  }

  /** Of a job that runs. */
  cancel({ job, lane }: Flight): void {
    lane.askToStop(job.id, "cancel");
    this.#watchdog.giveGrace(job.id);
  }

  /** The run is over. */
  forget(id: JobId): void {
    this.#watchdog.forget(id);
  }

  stop(): void {
    this.#watchdog.stop();
  }

  timeoutMs(job: ClaimedJob): number | null {
    return job.timeoutMs ?? this.#deps.timeoutMs;
  }

  /** @param stuckAt the stack of the code that held the thread, if it was read */
  timeoutFailure({ job }: Flight, stuckAt: string | null = null): Outcome {
    return timeoutFailure(this.timeoutMs(job) ?? 0, stuckAt);
  }

  /** Why a lane was killed, if it was. */
  killedFor(lane: Lane): StopReason | null {
    return this.#killedFor.get(lane) ?? null;
  }

  /** Its answer may be there, and not have been looked at. */
  #stillRunning(id: JobId): Flight | undefined {
    const { flights } = this.#deps;
    flights.get(id)?.lane.collect();
    return flights.get(id);
  }

  #onDeadline(id: JobId): void {
    const flight = this.#stillRunning(id);
    if (flight === undefined) return;
    flight.timedOut = true;
    flight.lane.askToStop(id, "timeout");
  }

  #onGraceOver(id: JobId): void {
    const flight = this.#stillRunning(id);
    if (flight === undefined) return;
    const { lane, timedOut } = flight;
    flight.condemned = timedOut ? "timeout" : "cancel";
    if (timedOut || this.killedFor(lane) === null) this.#killedFor.set(lane, flight.condemned);
    // It may take a while to die.
    this.#deps.flights.setMode(lane, "retiring");
    lane.kill();
    this.#deps.clear(lane);
  }
}
