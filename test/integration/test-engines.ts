/** Engines whose jobs run inline, on a clock that stands still until it is told to go on. */

import { onTestFinished } from "vitest";
import type { Engine } from "../../src/engine.js";
import type { Job } from "../../src/job/define-job.js";
import { defineJobs } from "../../src/jobs.js";
import { manualClock, type ManualClock } from "../../src/testing/manual-clock.js";
import { createTestEngine, type TestEngineOptions } from "../../src/testing/test-engine.js";

export interface TestSetup {
  readonly engine: Engine;
  readonly clock: ManualClock;
}

/** A started one. */
export async function startTestEngine(jobs: readonly Job<never, unknown, unknown>[], options: Partial<TestEngineOptions> & { readonly clock?: ManualClock } = {}): Promise<TestSetup> {
  const { clock = manualClock() } = options;
  const engine = createTestEngine({ jobs: defineJobs({ jobs }), queues: { default: { threads: 1 } }, ...options, clock });
  onTestFinished(async () => void (await engine.stop({ timeout: 0 })));
  await engine.start();
  return { engine, clock };
}
