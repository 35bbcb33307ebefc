/** What the end of a thread means. */

import type { Death, DeathCause } from "./pool.js";
import type { FrameLane } from "./lane.js";
import type { Stuck } from "./stuck-lane.js";

/** What is known of the end of a lane's thread, besides what the lane itself knows. */
export interface ThreadFacts {
  /** It said that it had ended, as it was told to. */
  readonly wasOrderly: boolean;
  readonly wasTerminated: boolean;
  readonly exitCode: number | null;
  readonly error: unknown;
  readonly stuck: Stuck | null;
  /** Of its heap, in bytes. */
  readonly heapLimit: number | null;
}

const OUT_OF_MEMORY = "ERR_WORKER_OUT_OF_MEMORY";

/** Why a thread has to be replaced. */
export interface ThreadLoss {
  readonly wasReady: boolean;
  readonly error: unknown;
  /** No job is to blame for it, so the next thread may be lost in the same way. */
  readonly isDoubtful: boolean;
}

export interface ThreadEnd extends ThreadLoss {
  /** It has not exited: it may do so later. */
  readonly isLeaked: boolean;
}

/** After its last message has been received. */
export function deathOf(lane: FrameLane, facts: ThreadFacts): Death {
  const { heapUsed, culprit, exitCode, ...remains } = lane.remains();
  // It said that it ends by itself, which may take so long that it is taken for stuck.
  const cause = causeOf(culprit === null ? facts : { ...facts, wasTerminated: false });
  // One that ended by itself may have had no time to hear that it was about to be ended.
  const wasDeaf = facts.wasTerminated ? lane.isDeaf : remains.wasDeaf;
  const stuck = wasDeaf ? facts.stuck : null;
  return {
    ...remains,
    cause,
    wasDeaf,
    exitCode: facts.wasOrderly ? 0 : (exitCode ?? facts.exitCode),
    error: facts.error instanceof Error ? facts.error : null,
    culprit: culprit ?? stuck?.culprit ?? null,
    stuckAt: stuck?.stack ?? null,
    heap: cause === "memory" ? { limit: facts.heapLimit, used: heapUsed } : null,
  };
}

function causeOf({ error, wasOrderly, wasTerminated }: ThreadFacts): DeathCause {
  if (error instanceof Error && "code" in error && error.code === OUT_OF_MEMORY) return "memory";
  if (wasOrderly) return "ended";
  return wasTerminated ? "killed" : "exited";
}

/**
 * Why a thread has ended though no job is to blame, for whoever has to mend it.
 *
 * @param trouble what gave cause to end it, if it was that
 */
export function endReason({ cause, exitCode, error }: Death, trouble: Error | null): Error {
  const endedByItself = cause === "exited" || cause === "memory";
  // What `dispose` may have thrown came after it.
  if (trouble !== null && !endedByItself) return trouble;
  if (error !== null) return error;
  if (cause === "killed") return new Error("code of no job held it");
  return new Error(exitCode === null ? "it ended" : `it exited with code ${exitCode}`);
}

/** A lane that lasted so long was fine. */
const LONG_LIFE_MS = 30_000;

export interface Life {
  readonly ms: number;
  /** Something other than a job gave cause to end it. */
  readonly hadTrouble: boolean;
}

/** It has to end soon after it was ready, and not for a job. */
export function isTroubled({ ms, hadTrouble }: Life): boolean {
  return hadTrouble && ms < LONG_LIFE_MS;
}

/** No job is to blame, so the next thread may end in the same way, and as soon. */
export function isDoubtful({ culprit, cause, started }: Death, life: Life): boolean {
  if (life.ms >= LONG_LIFE_MS) return false;
  if (culprit !== null) return culprit === "nobody";
  const endedByItself = cause === "exited" || cause === "memory";
  return isTroubled(life) || (endedByItself && started.length === 0);
}
