/** What a process takes when nothing is left to collect. */

import { nextTurn } from "./produce.js";
import { collectGarbage } from "./rounds.js";

export interface Memory {
  /** With what hangs on it, such as buffers. */
  readonly heap: number;
  readonly rss: number;
}

export async function settledMemory(): Promise<Memory> {
  for (let times = 0; times < 3; times += 1) {
    await nextTurn();
    collectGarbage();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}
