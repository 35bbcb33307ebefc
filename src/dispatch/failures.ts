/** How runs fail that cannot tell so themselves. */

import type { Failure } from "../job/job-record.js";
import type { Outcome } from "../job/lifecycle.js";
import { toWireError } from "../protocol/wire-error.js";
import type { Death } from "./pool.js";

export function timeoutFailure(timeoutMs: number): Outcome {
  return failed("timeout", new Error(`the run passed its deadline of ${timeoutMs} ms`));
}

export function exitFailure({ exitCode, error }: Death): Outcome {
  const code = exitCode === null ? "" : ` with code ${exitCode}`;
  const cause = error === null ? undefined : { cause: error };
  return failed("exit", new Error(`the run ended its thread${code}`, cause), { exitCode });
}

export function lostFailure(): Outcome {
  const error = new Error("the payload was transferred to a thread that is gone, and does not exist any more");
  return failed("lost", error, { fatal: true });
}

function failed(
  reason: Failure["reason"],
  error: Error,
  { exitCode = null, fatal = false }: { readonly exitCode?: number | null; readonly fatal?: boolean } = {},
): Outcome {
  const wire = { ...toWireError(error), stack: null };
  return { kind: "failed", failure: { reason, error: wire, exitCode }, fatal, retryDelayMs: null };
}
