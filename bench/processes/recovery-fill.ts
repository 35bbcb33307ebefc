/** Fills a file with jobs that wait, runs some, and dies with others under way: `bench/macro/recovery.ts` starts it. */

import { join } from "node:path";
import { childInput } from "../lib/child.js";
import { echo, small, startDurable } from "../lib/engine.js";

export interface RecoveryInput {
  readonly folder: string;
  readonly waiting: number;
}

const CHUNK = 1_000;
const { folder, waiting } = childInput() as RecoveryInput;
const engine = await startDurable({ path: join(folder, "jobs.db") }, 2);
await engine.pause("default");
for (let done = 0; done < waiting; done += CHUNK) await engine.enqueueMany(echo, Array.from({ length: CHUNK }, small));
let completed = 0;
engine.on("completed", () => {
  completed += 1;
  if (completed === CHUNK) process.kill(process.pid, "SIGKILL");
});
await engine.resume("default");
