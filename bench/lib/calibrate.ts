/** How much `burn` takes how long here. */

import { burn } from "../threads/burn.js";
import { median } from "./numbers.js";

const STEPS = 2e6;
const TRIES = 9;

export function stepsPerMs(): number {
  burn(STEPS);
  const tries = Array.from({ length: TRIES }, () => {
    const startedAt = performance.now();
    burn(STEPS);
    return STEPS / (performance.now() - startedAt);
  });
  return Math.round(median(tries));
}
