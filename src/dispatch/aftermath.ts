/** What the death of a lane means for the jobs that were on it. Decides, and changes nothing. */

import type { Clock } from "../clock.js";
import type { Outcome } from "../job/lifecycle.js";
import type { RunIdentity } from "../protocol/messages.js";
import type { WireError } from "../protocol/wire-error.js";
import { type Accused, blame, isRunOf, type Verdict } from "./blame.js";
import { exitReport, type ExitFacts, type LaneExit } from "./exit-report.js";
import { afterlifeError, exitFailure, heldFailure, outOfMemoryFailure } from "./failures.js";
import type { Flight } from "./flights.js";
import type { Death } from "./pool.js";
import type { Stops } from "./stops.js";

export interface Aftermath {
  /** How each charged run has ended. */
  readonly charged: readonly (readonly [Flight, Outcome])[];
  /** To be run again, each alone. */
  readonly suspects: readonly Flight[];
  /** To be run again. */
  readonly innocent: readonly Flight[];
  /** A run that was over already, if it was code of that which ended the thread. */
  readonly late: { readonly run: RunIdentity; readonly error: WireError } | null;
  readonly exit: LaneExit;
}

export interface DeathScene extends Omit<ExitFacts, "charged" | "suspects" | "returned"> {
  readonly flights: readonly Flight[];
  readonly clock: Clock;
  readonly stops: Pick<Stops, "timeoutMs" | "timeoutFailure">;
}

export function aftermath(scene: DeathScene): Aftermath {
  const { lane, death, flights, clock, stops } = scene;
  const accused = flights.map((flight): Accused => {
    const { id, attempt } = flight.job;
    return { id, attempt, condemned: flight.condemned, hasDeadline: stops.timeoutMs(flight.job) !== null, heardStop: lane.heardStop(id) };
  });
  const verdicts = blame(death, accused);
  const guilty = flights.filter((flight) => verdictOn(flight, verdicts) === "guilty");
  const suspects = flights.filter((flight) => verdictOn(flight, verdicts) === "suspect").toSorted(likelierFirst);
  const innocent = flights.filter((flight) => verdictOn(flight, verdicts) === "innocent");
  const returned = innocent.filter(({ cancelRequested }) => !cancelRequested);
  return {
    charged: guilty.map((flight) => [flight, failureOf(flight, scene)]),
    ...{ suspects, innocent },
    late: lateCulprit(death, flights),
    exit: exitReport({ ...scene, charged: guilty, suspects, returned }, clock),
  };
}

function verdictOn({ job, isSuspect, cancelRequested }: Flight, verdicts: ReadonlyMap<string, Verdict>): Verdict {
  const verdict = verdicts.get(job.id) ?? "innocent";
  // It goes no further, so nobody has to find out.
  if (verdict === "suspect" && cancelRequested) return "innocent";
  // It was suspected of an earlier death, and could not be heard.
  if (verdict === "innocent" && isSuspect && !cancelRequested) return "suspect";
  return verdict;
}

/** Whoever passed a deadline has most likely held the thread himself, and would hold up the others less than they him. */
function likelierFirst(a: Flight, b: Flight): number {
  return Number(b.condemned !== null) - Number(a.condemned !== null);
}

function failureOf(flight: Flight, { death, stops }: DeathScene): Outcome {
  const { timedOut, condemned } = flight;
  const stuckAt = death.wasDeaf ? death.stuckAt : null;
  if (death.cause === "memory") return outOfMemoryFailure(death.heap);
  if (death.cause === "killed" && condemned === "cancel") return { kind: "cancelled" };
  if (timedOut) return stops.timeoutFailure(flight, death.cause === "killed" ? stuckAt : null);
  return death.cause === "killed" ? heldFailure(stuckAt) : exitFailure(death);
}

function lateCulprit(death: Death, flights: readonly Flight[]): Aftermath["late"] {
  const { culprit, cause, wasDeaf, started } = death;
  if (culprit === null || culprit === "nobody") return null;
  if (cause !== "exited" && !(cause === "killed" && wasDeaf)) return null;
  const isRunning = flights.some(({ job }) => isRunOf(culprit, job) && started.includes(job.id));
  return isRunning ? null : { run: culprit, error: afterlifeError(death) };
}
