/** Finds out whose code holds a simulated thread, as well as the main side of a real one could. */

import type { Stuck } from "../../src/dispatch/stuck-lane.js";
import type { SimBody } from "./sim-body.js";
import type { SimLane } from "./sim-lane.js";
import type { World } from "./world.js";

/** As of the real threads. */
const ANSWER_MS = 20;
const ANSWER_MS_WHEN_DEAF = 5;
const READ_LIMIT_MS = 250;
const SECOND_LOOK_MS = 250;

/** `null` when the thread listens, and when it does not but cannot be read. */
export async function findStuck(lane: SimLane, { world, body }: { readonly world: World; readonly body: SimBody }): Promise<Stuck | null> {
  const { threads } = world;
  const heard = lane.knock().then(() => true);
  if (await Promise.race([heard, world.wait(lane.isDeaf ? ANSWER_MS_WHEN_DEAF : ANSWER_MS).then(() => false)])) return null;
  const isUnreadable = world.strikes("noInspector", 0.5);
  // In an idle thread it waits for the next code that runs.
  await world.wait(isUnreadable || body.holder === null ? threads.between(1, READ_LIMIT_MS) : threads.between(1, 60));
  const { holder } = body;
  if (isUnreadable || holder === null) return null;
  world.note("stuck code read");
  const isExpected = holder !== "nobody" && lane.wasAskedToStop(holder.id);
  if (!isExpected && (await Promise.race([heard, world.wait(SECOND_LOOK_MS).then(() => false)]))) {
    world.note("holders that were only in a turn of their own");
    return null;
  }
  return { stack: "    at loop (jobs.js:1:1)", culprit: holder };
}
