/** All micro benchmarks. They work on the build: what tsx makes of a function on the fly is not what users run. */

import type { Options, Section } from "../lib/report.js";
import { contextBench } from "./context.js";
import { controlBlockBench } from "./control-block.js";
import { enqueueBench } from "./enqueue.js";
import { lifecycleBench } from "./lifecycle.js";
import { memoryStorageBench } from "./memory-storage.js";
import { payloadBench } from "./payload.js";

export async function microBench(options: Options): Promise<readonly Section[]> {
  const sections: Section[] = [];
  for (const bench of [payloadBench, enqueueBench, lifecycleBench, memoryStorageBench, controlBlockBench, contextBench]) sections.push(await bench(options));
  return sections;
}
