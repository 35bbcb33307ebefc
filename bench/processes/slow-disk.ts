/** Durable jobs where every sync takes long, and how late the main thread comes. In a process of its own, with a library preloaded: `bench/macro/slow-disk.ts` starts it. */

import { join } from "node:path";
import { answer, childInput } from "../lib/child.js";
import { startDurable, requireEchoes } from "../lib/engine.js";
import { type Cost, measure } from "../lib/measure.js";
import { enqueueOneByOne } from "../lib/noop-stream.js";

export interface SlowDiskInput {
  readonly folder: string;
  readonly jobs: number;
  readonly rounds: number;
}

const { folder, jobs, rounds } = childInput() as SlowDiskInput;
const engine = await startDurable({ path: join(folder, "jobs.db") }, 2);
requireEchoes(await enqueueOneByOne(engine, jobs), jobs);
const costs: Cost[] = [];
for (let round = 0; round < rounds; round += 1) costs.push(await measure(async () => requireEchoes(await enqueueOneByOne(engine, jobs), jobs)));
await engine.stop();
answer(costs);
