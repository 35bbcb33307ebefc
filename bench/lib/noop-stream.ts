/** The stream of S1. */

import type { Engine, EnqueueOptions } from "millrace";
import { echo, small, type Small } from "./engine.js";
import { oneByOne } from "./produce.js";

/** @param options those of each job, by its number */
export function enqueueOneByOne(engine: Engine, jobs: number, options?: (index: number) => EnqueueOptions): Promise<readonly Small[]> {
  return oneByOne(jobs, (index) => engine.enqueue(echo, small(), options?.(index)).then((handle) => handle.result()));
}
