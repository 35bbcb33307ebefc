/** How much `burn` takes how long here. */

import { burn } from "../threads/burn.js";
import { median } from "./numbers.js";

const STEPS = 2e6;
const TRIES = 9;

/** By CPU time, as if nobody else were at work: on a busy machine the same jobs take longer, but they stay the same. */
export function stepsPerMs(): number {
  burn(STEPS);
  const tries = Array.from({ length: TRIES }, () => {
    const before = process.cpuUsage();
    burn(STEPS);
    const { user, system } = process.cpuUsage(before);
    return (STEPS / (user + system)) * 1_000;
  });
  return Math.round(median(tries));
}
