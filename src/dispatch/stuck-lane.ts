/** Finds out whether some code holds a lane's thread, and which. */

import type { Clock } from "../clock.js";
import type { RunIdentity } from "../protocol/messages.js";
import { settledWithin } from "../waiting.js";
import type { FrameLane } from "./lane.js";
import { readStuckStack } from "./stuck-stack.js";

export interface Stuck {
  readonly stack: string;
  readonly culprit: RunIdentity | "nobody" | null;
}

/** A thread that listens answers within a few ms, also on a busy machine. One that was asked to stop before had longer. */
const ANSWER_MS = 20;
const ANSWER_MS_WHEN_DEAF = 5;
/** Most loops answer within 20 to 60 ms; a long sort of numbers takes 100 to 400. */
const READ_LIMIT_MS = 250;

/** Whoever was not to stop himself may only be in the middle of a turn of his own, which is his good right. */
const SECOND_LOOK_MS = 250;

/** Never throws. `null` when the thread listens, and when it does not but cannot be read. */
export async function findStuck(lane: FrameLane, { threadId, clock }: { readonly threadId: number; readonly clock: Clock }): Promise<Stuck | null> {
  const ms = lane.isDeaf ? ANSWER_MS_WHEN_DEAF : ANSWER_MS;
  const heard = lane.knock();
  if (await settledWithin(heard, { ms, clock })) return null;
  const read = await readStuckStack(threadId, { ms: READ_LIMIT_MS, clock });
  if (read === null) return null;
  const culprit = parseRun(read.run);
  const isExpected = culprit !== null && culprit !== "nobody" && lane.wasAskedToStop(culprit.id);
  if (!isExpected && (await settledWithin(heard, { ms: SECOND_LOOK_MS, clock }))) return null;
  return { stack: read.stack, culprit };
}

/** What the thread's own code says of it, which the code that is stuck may have changed. */
function parseRun(json: string | null): Stuck["culprit"] {
  if (json === null) return null;
  try {
    const run = JSON.parse(json) as RunIdentity | "nobody" | null;
    return run === "nobody" || typeof run?.id === "string" ? run : null;
  } catch {
    return null;
  }
}
