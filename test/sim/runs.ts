/** What really became of each run, and which ends of it the engine may store. */

import type { ClaimedJob, JobId } from "../../src/job/job-record.js";
import type { Outcome, Transition } from "../../src/job/lifecycle.js";
import type { StopReason } from "../../src/protocol/control-block.js";
import type { Verdict } from "./verdicts.js";

/** What the engine hears of a run. The first thing counts. */
export type Fate =
  | { readonly kind: "answered"; readonly outcome: Outcome; readonly tookMs: number }
  | { readonly kind: "taken back" }
  /** Its code threw where nobody caught it. */
  | { readonly kind: "strayed" }
  /** Its lane is gone. */
  | { readonly kind: "gone"; readonly verdict: Verdict; readonly mayPay: boolean }
  /** The engine stopped meanwhile. */
  | { readonly kind: "stopped" };

export interface Run {
  readonly job: ClaimedJob;
  /** The job's own, or the queue's. */
  readonly timeoutMs: number | null;
  startedAt: number | null;
  /** How its code ended. */
  ending: "ok" | "threw" | "snoozed" | null;
  /** It may have ended a lane before, and is to run alone. */
  readonly isSuspect: boolean;
  /** The first time. */
  asked: { readonly reason: StopReason; readonly at: number } | null;
  wasCancelled: boolean;
  /** Its thread has noticed that it is to stop. */
  heardStop: boolean;
  stopsUnheard: number;
  /** It went on when its grace was over, and its lane was killed. */
  condemned: StopReason | null;
  fate: Fate | null;
  fateAt: number;
}

/** An invariant of the reference, by its number, and how it was broken. */
export interface Violation {
  readonly invariant: number;
  readonly text: string;
}

export interface Hearing {
  /** As it was claimed last. */
  readonly job: ClaimedJob;
  readonly run: Run | undefined;
  /** Its engine is not about to stop. */
  readonly isEngineRunning: boolean;
}

/** Why a store should not have been told this end of a run; `null` if all is well. */
export function judge(transition: Transition, { job, run, isEngineRunning }: Hearing): Violation | null {
  const isCharged = transition.attempt === job.attempt;
  if (!isCharged && transition.attempt !== job.attempt - 1) return broken(10, `attempt went from ${job.attempt} to ${transition.attempt}`);
  if (transition.to === "retrying" && job.attempt > job.maxRetries) return broken(10, `it is to run again after ${job.attempt} runs, with ${job.maxRetries} retries`);
  const fate = run?.fate;
  if (run === undefined || fate === undefined || fate === null) return judgeUnheard(transition, isCharged);
  switch (fate.kind) {
    case "taken back":
      if (run.isSuspect && transition.to === "waiting" && isEngineRunning) return broken(8, "it was suspected, and was given back before it ran alone");
      return judgeUnheard(transition, isCharged);
    case "stopped":
      return judgeUnheard(transition, isCharged);
    case "strayed":
      return judgeStrayed(transition, { ...run, job });
    case "gone":
      if (fate.verdict === "suspect" && transition.to === "waiting" && isEngineRunning) return broken(8, "it was suspected, and was given back before it ran alone");
      return judgeGone(transition, { ...run, job }, fate);
    case "answered":
      return judgeAnswered(transition, { ...run, job }, fate);
  }
}

/** Nobody heard how it ended, so nobody may pay. */
function judgeUnheard(transition: Transition, isCharged: boolean): Violation | null {
  if (transition.to === "dead" && transition.failure?.reason === "lost") return null;
  if (isCharged) return broken(8, `it became ${transition.to} and was charged, though nobody heard how it ended`);
  return transition.to === "waiting" || transition.to === "cancelled" ? null : broken(4, `it became ${transition.to} though nobody heard how it ended`);
}

function judgeGone(transition: Transition, run: Run, { verdict, mayPay }: Extract<Fate, { kind: "gone" }>): Violation | null {
  const isCharged = transition.attempt === run.job.attempt;
  if (transition.to === "completed") return broken(9, "it completed, though its thread died before it answered");
  if (run.wasCancelled && transition.to !== "cancelled") return broken(11, `it became ${transition.to} when its thread died, though it was to be cancelled`);
  if (!isCharged) return verdict === "pays" ? broken(9, "it ended its thread and was not charged") : null;
  const reason = transition.failure?.reason;
  if (reason === "lost" && verdict !== "pays") return null;
  if (!mayPay) return broken(8, `it was charged as ${String(reason)}, and is innocent`);
  if (verdict !== "pays") return broken(8, `it was charged as ${String(reason)}, though it is ${verdict === "free" ? "not even suspected" : "only suspected"}`);
  // Whether anyone asked for it is looked at elsewhere.
  if (transition.to === "cancelled") return null;
  switch (reason) {
    case "timeout":
      // Or it held the thread while others passed theirs.
      return run.asked?.reason === "timeout" ? judgeDeadline(run, run.fateAt) : null;
    case "exit":
    case "memory":
    case "lost":
      return null;
    default:
      return broken(8, `it was charged as ${String(reason)} when its thread died`);
  }
}

function judgeStrayed(transition: Transition, run: Run): Violation | null {
  if (transition.attempt !== run.job.attempt) return broken(9, "it failed where nobody caught it, and was not charged");
  if (transition.to === "cancelled") return null;
  const reason = transition.failure?.reason;
  if (reason === "timeout") return judgeDeadline(run, run.fateAt);
  if (reason !== "threw" && reason !== "lost") return broken(9, `it failed where nobody caught it, and became ${transition.to} as ${String(reason)}`);
  return judgeRetry(transition, run, { fatal: false });
}

function judgeAnswered(transition: Transition, run: Run, { outcome, tookMs }: Extract<Fate, { kind: "answered" }>): Violation | null {
  const isCharged = transition.attempt === run.job.attempt;
  const reason = transition.to === "completed" ? undefined : transition.failure?.reason;
  const mayBeLate = reason === "timeout" || (reason === "lost" && outcome.kind !== "failed" && outcome.kind !== "snoozed");
  if (isCharged && mayBeLate) return judgeDeadline(run, (run.startedAt ?? Infinity) + tookMs);
  switch (outcome.kind) {
    case "ok":
      return transition.to === "completed" && isCharged ? judgeOk(run) : broken(2, `it became ${transition.to} though it ended well`);
    case "failed":
      if (transition.to === "completed") return broken(9, "it completed though it failed");
      if (!isCharged) return broken(9, "it failed and was not charged");
      return judgeRetry(transition, run, outcome);
    case "cancelled":
      return transition.to === "cancelled" ? null : broken(11, `it became ${transition.to} though it stopped when it was asked to`);
    case "snoozed":
      // Whether somebody asked for it is looked at elsewhere.
      if (transition.to === "cancelled" || transition.failure?.reason === "lost") return null;
      if (transition.to !== "scheduled" || isCharged) return broken(8, `it became ${transition.to} when it snoozed`);
      return transition.runAt < transition.at + outcome.delayMs ? broken(21, "it comes back before its snooze is over") : null;
    case "unregistered":
    case "unexecuted":
      return judgeUnheard(transition, isCharged);
  }
}

function judgeOk(run: Run): Violation | null {
  return run.ending === "ok" ? null : broken(9, `it completed though its code ${run.ending ?? "never ended"}`);
}

function judgeRetry(transition: Transition, run: Run, outcome: Pick<Extract<Outcome, { kind: "failed" }>, "fatal">): Violation | null {
  const { backoff, attempt, maxRetries } = run.job;
  if (transition.to === "dead" || transition.to === "cancelled") {
    const isLast = outcome.fatal || attempt > maxRetries || transition.to === "cancelled" || transition.failure?.reason === "lost";
    return isLast ? null : broken(10, `it went dead after ${attempt} runs, with ${maxRetries} retries`);
  }
  if (transition.to !== "retrying" || outcome.fatal) return broken(10, `it became ${transition.to} after a ${outcome.fatal ? "fatal " : ""}failure`);
  const least = backoff?.kind === "linear" ? backoff.delayMs : backoff === null ? 0 : leastDelayMs(backoff, attempt);
  return transition.runAt - transition.at < least - 1e-6 ? broken(21, "its retry comes before its backoff is over") : null;
}

function leastDelayMs(backoff: { readonly base: number; readonly maxDelayMs: number; readonly jitter: number }, attempt: number): number {
  return Math.min(backoff.base ** attempt * 1_000, backoff.maxDelayMs) * (1 - backoff.jitter);
}

function judgeDeadline(run: Run, endedAt: number): Violation | null {
  if (run.startedAt === null || run.timeoutMs === null) return broken(8, "it was charged for a deadline it could not pass");
  const ranMs = endedAt - run.startedAt;
  return ranMs < run.timeoutMs - 1e-6 ? broken(21, `it was charged for a deadline of ${run.timeoutMs} ms after ${ranMs} ms`) : null;
}

export function broken(invariant: number, text: string): Violation {
  return { invariant, text };
}

export function runKey(id: JobId, fence: number): string {
  return `${id}#${fence}`;
}
