/** Ends runs: takes the job off its lane, computes what becomes of it, and passes that on. */

import type { Clock } from "../clock.js";
import type { ClaimedJob } from "../job/job-record.js";
import { nextTransition, type Outcome } from "../job/lifecycle.js";
import type { Settlement } from "./completer.js";
import type { Flight, Flights } from "./flights.js";
import type { Lane } from "./pool.js";
import type { Stops } from "./stops.js";

export interface EndingsDeps {
  readonly clock: Clock;
  readonly flights: Flights;
  readonly stops: Stops;
  readonly onSettled: (settlement: Settlement) => void;
  /** A lane has become emptier. */
  readonly onFreed: (lane: Lane) => void;
}

export interface EndOptions {
  readonly progress?: number | null | undefined;
  /** It was cut short by the end of its thread, and is not to blame. */
  readonly rescued?: boolean | undefined;
}

export class Endings {
  readonly #deps: EndingsDeps;

  constructor(deps: EndingsDeps) {
    this.#deps = deps;
  }

  /** Of a job that is on a lane. */
  end(flight: Flight, outcome: Outcome, { progress, rescued }: EndOptions = {}): void {
    const { job, lane, cancelRequested } = flight;
    this.#deps.flights.remove(flight);
    this.#deps.stops.forget(job.id);
    this.settle(job, outcome, { progress, rescued, cancelRequested });
    this.#deps.onFreed(lane);
  }

  /** Of a job that is not. */
  settle(job: ClaimedJob, outcome: Outcome, { progress = null, cancelRequested = false, rescued = false }: EndOptions & { readonly cancelRequested?: boolean } = {}): void {
    const { clock, onSettled } = this.#deps;
    const transition = nextTransition(job, outcome, { now: clock.now(), random: clock.random(), cancelRequested, progress });
    onSettled({ job, outcome, transition, rescued });
  }
}
