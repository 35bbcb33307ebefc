/** How runs fail that cannot tell so themselves. */

import type { ClaimedJob, Failure } from "../job/job-record.js";
import { isFatal, type Outcome, payloadLost } from "../job/lifecycle.js";
import { toWireError, type WireError } from "../protocol/wire-error.js";
import type { Death } from "./pool.js";

/** @param stuckAt the stack of the code that held the thread, if it was read */
export function timeoutFailure(timeoutMs: number, stuckAt: string | null): Outcome {
  return failed("timeout", new Error(`the run passed its deadline of ${timeoutMs} ms`), { stack: stuckAt });
}

/** It has not passed its own deadline, if it has one. */
export function heldFailure(stuckAt: string | null): Outcome {
  return failed("timeout", new Error("the run held its thread while the deadline of another job passed"), { stack: stuckAt });
}

export function exitFailure({ exitCode, error }: Pick<Death, "exitCode" | "error">): Outcome {
  const code = exitCode === null ? "" : ` with code ${exitCode}`;
  const cause = error === null ? undefined : { cause: error };
  return failed("exit", new Error(`the run ended its thread${code}`, cause), { exitCode });
}

export function outOfMemoryFailure(heap: Death["heap"]): Outcome {
  const { limit = null, used = null } = heap ?? {};
  const of = limit === null ? "" : ` of ${megabytes(limit)}`;
  const held = used === null ? "" : `; it held ${megabytes(used)} when that was last measured`;
  return failed("memory", new Error(`the run broke the heap limit${of} of its thread${held}`), { props: { limit, used } });
}

/** The run before took the payload to a thread that is gone. */
export function lostFailure({ failure }: ClaimedJob): Outcome {
  return { kind: "failed", failure: payloadLost(failure), fatal: true, retryDelayMs: null };
}

/** Its thread said something that is no outcome. */
export function nonsenseFailure(): Outcome {
  return failed("threw", new Error("the thread did not say how the run has ended: some code there has changed what all code relies on"), {});
}

/** Code of the run failed where the run could not catch it. */
export function strayFailure(error: WireError): Outcome {
  return { kind: "failed", failure: { reason: "threw", error, exitCode: null }, fatal: isFatal(error), retryDelayMs: null };
}

/** What the code that a run left behind has done to its thread, as an error. */
export function afterlifeError({ cause, exitCode, stuckAt }: Pick<Death, "cause" | "exitCode" | "stuckAt">): WireError {
  const code = exitCode === null ? "" : ` with code ${exitCode}`;
  const deed = cause === "killed" ? "held its thread until that was ended" : `ended its thread by process.exit${code}`;
  return { ...toWireError(new Error(`code that the run had left behind ${deed}, after the end of the run`)), stack: stuckAt };
}

function megabytes(bytes: number): string {
  const megabytes = bytes / 1024 ** 2;
  return `${megabytes < 10 ? megabytes.toFixed(1) : Math.round(megabytes)} MB`;
}

interface Details {
  readonly exitCode?: number | null;
  readonly stack?: string | null;
  readonly props?: Readonly<Record<string, unknown>>;
}

function failed(reason: Failure["reason"], error: Error, { exitCode = null, stack = null, props }: Details): Outcome {
  // The error's own stack would show this place.
  const wire = { ...toWireError(error), stack, ...(props === undefined ? {} : { props }) };
  return { kind: "failed", failure: { reason, error: wire, exitCode }, fatal: false, retryDelayMs: null };
}
