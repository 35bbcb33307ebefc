/** Takes over a file whose owner has died, and times it. In a process of its own: `bench/macro/recovery.ts` starts it. */

import { join } from "node:path";
import { answer, childInput } from "../lib/child.js";
import { startDurable } from "../lib/engine.js";
import { settledMemory } from "../lib/memory.js";
import type { RecoveryInput } from "./recovery-fill.js";

export interface RecoveryAnswer {
  /** From the call to an engine that takes jobs. */
  readonly startedMs: number;
  /** From the same call to the end of the first job. */
  readonly firstEndMs: number;
  /** Beside what the process had before. */
  readonly rssMb: number;
  /** The most that the process ever took. */
  readonly peakMb: number;
  /** That are not finished, and that were completed. */
  readonly jobs: number;
}

const MEGABYTE = 1e6;
const { folder } = childInput() as RecoveryInput;
const before = await settledMemory();
const calledAt = performance.now();
const engine = await startDurable({ path: join(folder, "jobs.db") }, 2);
const startedMs = performance.now() - calledAt;
await new Promise((resolve) => engine.on("completed", resolve));
const firstEndMs = performance.now() - calledAt;
await engine.pause("default");
const after = await settledMemory();
const { waiting, running, retrying, scheduled, totals } = (await engine.stats()).queues["default"]!;
await engine.stop();
const result: RecoveryAnswer = {
  ...{ startedMs, firstEndMs },
  rssMb: (after.rss - before.rss) / MEGABYTE,
  peakMb: (process.resourceUsage().maxRSS * 1_024) / MEGABYTE,
  jobs: waiting + running + retrying + scheduled + totals.completed,
};
answer(result);
