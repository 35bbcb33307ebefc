/**
 * Who pays for the death of a lane. Pure. Charged is only who is known to be at fault; where that is one of several, all of them
 * are suspects, and the quarantine finds out which.
 */

import type { JobId } from "../job/job-record.js";
import type { StopReason } from "../protocol/control-block.js";
import type { RunIdentity } from "../protocol/messages.js";
import type { Death } from "./pool.js";

export type Verdict = "guilty" | "suspect" | "innocent";

/** What blame depends on, of a job that was on the lane. */
export interface Accused {
  readonly id: JobId;
  readonly attempt: number;
  /** Why the lane was killed, if it was for this one: it went on when the grace was over. */
  readonly condemned: StopReason | null;
  readonly hasDeadline: boolean;
  /** Its thread has noticed that it was asked to stop, and so was not held all the while. */
  readonly heardStop: boolean;
}

export type Evidence = Pick<Death, "cause" | "started" | "culprit" | "wasDeaf">;

/** A verdict for each of the jobs. */
export function blame(death: Evidence, accused: readonly Accused[]): ReadonlyMap<JobId, Verdict> {
  const started = new Set(death.started);
  const running = accused.filter(({ id }) => started.has(id));
  const { guilty, suspects } = charge(death, running);
  const verdictOn = (one: Accused): Verdict => (guilty.includes(one) ? "guilty" : suspects.includes(one) ? "suspect" : "innocent");
  return new Map(accused.map((one) => [one.id, verdictOn(one)]));
}

interface Charge {
  readonly guilty: readonly Accused[];
  readonly suspects: readonly Accused[];
}

const NOBODY: Charge = { guilty: [], suspects: [] };

function charge(death: Evidence, running: readonly Accused[]): Charge {
  switch (death.cause) {
    case "ended":
      return NOBODY;
    case "killed":
      return chargeKilled(death, running);
    case "exited":
      return chargeCulprit(death, running);
    case "memory":
      // Whose code it was that found the heap full says little about who filled it.
      return chargeOneOf(running);
  }
}

/** Each kill was for somebody. But of a lane that no longer listened, someone else may have held the thread all the while. */
function chargeKilled(death: Evidence, running: readonly Accused[]): Charge {
  const late = running.filter(({ condemned }) => condemned === "timeout");
  if (late.length === 0) return { guilty: running.filter(({ condemned }) => condemned === "cancel"), suspects: [] };
  if (!death.wasDeaf) return { guilty: late, suspects: [] };
  const { culprit } = death;
  const lateButFree = late.filter(({ heardStop }) => heardStop);
  const isUnclear = culprit !== null && lateButFree.length > 0 && !late.some((one) => isRunOf(culprit, one));
  // They could have stopped, and did not; whoever holds the thread now may have begun only just before.
  const { guilty, suspects } = isUnclear ? chargeOneOf(running.filter((one) => lateButFree.includes(one) || isRunOf(culprit, one))) : chargeCulprit(death, running);
  // Alone, one without a deadline cannot pass any: it would only keep the others from their turn, maybe for ever.
  return { guilty, suspects: suspects.filter(({ hasDeadline }) => hasDeadline) };
}

function chargeCulprit({ culprit }: Evidence, running: readonly Accused[]): Charge {
  if (culprit === null) return chargeOneOf(running);
  return { guilty: running.filter((one) => isRunOf(culprit, one)), suspects: [] };
}

function chargeOneOf(running: readonly Accused[]): Charge {
  return running.length === 1 ? { guilty: running, suspects: [] } : { guilty: [], suspects: running };
}

/** Whether this is the very run: a culprit may be an earlier one, whose code is still there. */
export function isRunOf(culprit: RunIdentity | "nobody", { id, attempt }: Pick<Accused, "id" | "attempt">): boolean {
  return culprit !== "nobody" && culprit.id === id && culprit.attempt === attempt;
}
