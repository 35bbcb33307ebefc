/**
 * Whose code runs now: the run of a job, also in the timers and callbacks that it has left behind, and after its end. Nobody's is
 * what the jobs module and its state do by themselves.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { RunIdentity } from "../src/protocol/messages.js";

const runs = new AsyncLocalStorage<RunIdentity>();

export const currentRun: {
  /** Calls `start` as code of this run. */
  readonly enter: <Returned>(run: RunIdentity, start: () => Returned) => Returned;
  readonly get: () => RunIdentity | null;
} = {
  enter: (run, start) => runs.run(run, start),
  get: () => {
    const run = runs.getStore();
    return run === undefined ? null : { id: run.id, name: run.name, attempt: run.attempt, meta: run.meta };
  },
};
