import { setTimeout } from "node:timers/promises";

/**
 * Resolves when a storage has none left of what is counted.
 *
 * @param {() => Promise<number>} count
 */
export async function untilNone(count) {
  while ((await count()) > 0) await setTimeout(2);
}
