/** How runs fail that cannot tell so themselves. */

import type { ClaimedJob, Failure } from "../job/job-record.js";
import { type Outcome, payloadLost } from "../job/lifecycle.js";
import { toWireError } from "../protocol/wire-error.js";
import type { Death } from "./pool.js";

export function timeoutFailure(timeoutMs: number): Outcome {
  return failed("timeout", new Error(`the run passed its deadline of ${timeoutMs} ms`), null);
}

export function exitFailure({ exitCode, error }: Death): Outcome {
  const code = exitCode === null ? "" : ` with code ${exitCode}`;
  const cause = error === null ? undefined : { cause: error };
  return failed("exit", new Error(`the run ended its thread${code}`, cause), exitCode);
}

/** The run before took the payload to a thread that is gone. */
export function lostFailure({ failure }: ClaimedJob): Outcome {
  return { kind: "failed", failure: payloadLost(failure), fatal: true, retryDelayMs: null };
}

function failed(reason: Failure["reason"], error: Error, exitCode: number | null): Outcome {
  // The stack would show this place.
  const wire = { ...toWireError(error), stack: null };
  return { kind: "failed", failure: { reason, error: wire, exitCode }, fatal: false, retryDelayMs: null };
}
