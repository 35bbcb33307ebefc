/**
 * Who should pay for the death of a lane: the rules of blame, written down a second time, and, apart from them, what really
 * happened, which nobody but the simulation knows.
 */

import type { Death } from "../../src/dispatch/pool.js";
import type { RunIdentity } from "../../src/protocol/messages.js";
import type { Run } from "./runs.js";
import type { Whose } from "./sim-body.js";

/** `suspect`: runs again, alone. `free`: runs again. */
export type Verdict = "pays" | "suspect" | "free";

export interface Scene {
  readonly death: Death;
  /** The runs on the lane that the engine waits for. */
  readonly runs: readonly Run[];
  readonly truth: Truth;
}

export interface Truth {
  /** Whose code ended the thread, if it ended by itself. */
  readonly exitBy: Whose | null;
  /** Whose code held the thread when it was looked at. */
  readonly heldBy: Whose | null;
}

export function verdictOf(run: Run, scene: Scene): Verdict {
  const verdict = firstVerdict(run, scene);
  // Nobody has to find out about one that does not run again.
  if (verdict === "suspect" && run.wasCancelled) return "free";
  // What it was suspected of is not refuted by the death of another lane.
  return verdict === "free" && run.isSuspect && !run.wasCancelled ? "suspect" : verdict;
}

function firstVerdict(run: Run, scene: Scene): Verdict {
  const { death } = scene;
  const running = scene.runs.filter((one) => isRunning(one, death));
  if (!running.includes(run)) return "free";
  switch (death.cause) {
    case "ended":
      return "free";
    case "memory":
      return oneOf(running, run, scene);
    case "exited":
      return whoever(running, run, scene);
    case "killed":
      return killed(running, run, scene);
  }
}

function killed(running: readonly Run[], run: Run, scene: Scene): Verdict {
  const { wasDeaf, culprit } = scene.death;
  const late = running.filter(({ condemned }) => condemned === "timeout");
  if (late.length === 0) return run.condemned === "cancel" ? "pays" : "free";
  if (!wasDeaf) return late.includes(run) ? "pays" : "free";
  const couldStop = late.filter(({ heardStop }) => heardStop);
  const holder = running.find((one) => culprit !== null && isOf(culprit, one));
  let verdict: Verdict;
  if (culprit === null || couldStop.length === 0 || (holder !== undefined && late.includes(holder))) verdict = whoever(running, run, scene);
  else {
    const few = running.filter((one) => one === holder || couldStop.includes(one));
    verdict = few.includes(run) ? (few.length === 1 ? "pays" : "suspect") : "free";
  }
  // Alone it would pass no deadline, so that would show nothing.
  return verdict === "suspect" && run.timeoutMs === null ? "free" : verdict;
}

function whoever(running: readonly Run[], run: Run, scene: Scene): Verdict {
  const { culprit } = scene.death;
  if (culprit === null) return oneOf(running, run, scene);
  return isOf(culprit, run) ? "pays" : "free";
}

function oneOf(running: readonly Run[], run: Run, { death }: Scene): Verdict {
  if (!running.includes(run)) return "free";
  return death.started.length === 1 ? "pays" : "suspect";
}

/** Whether the run may be charged, by what really happened: it did it, or it was alone and nothing told who did. */
export function mayPay(run: Run, { death, runs, truth }: Scene): boolean {
  if (!isRunning(run, death)) return false;
  const { exitBy, heldBy } = truth;
  if ((exitBy !== null && isOf(exitBy, run)) || (heldBy !== null && isOf(heldBy, run))) return true;
  const isAlone = death.started.length === 1 && runs.filter((one) => isRunning(one, death)).length === 1;
  if (death.culprit === null && isAlone) return true;
  if (death.cause !== "killed") return false;
  return run.condemned === "cancel" || (run.condemned === "timeout" && (!death.wasDeaf || run.heardStop));
}

function isRunning(run: Run, { started }: Death): boolean {
  return started.includes(run.job.id);
}

export function isOf(whose: Whose, { job }: { readonly job: Pick<RunIdentity, "id" | "attempt"> }): boolean {
  return whose !== "nobody" && whose.id === job.id && whose.attempt === job.attempt;
}
