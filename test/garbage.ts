/** What is left when nobody refers to the rest. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

/** In a later turn: what a turn has seen through a weak reference lives until its end. */
export async function collectGarbage(): Promise<void> {
  for (let times = 0; times < 2; times += 1) {
    await nextTurn();
    gc();
  }
}
