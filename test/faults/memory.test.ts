/** Jobs that break the heap limit of their thread. */

import { describe, expect, it } from "vitest";
import { linear } from "millrace/jobs";
import { check, type ExpectedExit, mustFail, type Row } from "./check.js";
import { SABOTAGES } from "./sabotage.js";

const LIMIT_MB = 32;
const queue = { resourceLimits: { maxOldGenerationSizeMb: LIMIT_MB } };
const error = (runs = 1): Row["error"] => ({ code: "MILLRACE_JOB_OUT_OF_MEMORY", runs, limit: LIMIT_MB * 2 ** 20, used: expect.any(Number) as number });
const alone: ExpectedExit = { reason: "memory", charged: true };
const together = (suspects: number): ExpectedExit => ({ reason: "memory", suspects });

describe("a job that breaks the heap limit", () => {
  it("alone on its thread is charged at once", async () => {
    await check({ job: "eat memory", error: error(), exits: [alone] }, { concurrency: 1, queue });
  });

  it("alone is charged as often as its retries allow", async () => {
    const options = { maxRetries: 1, backoff: linear(0) };
    await check({ job: "eat memory", options, attempt: 2, error: error(2), exits: [alone, alone] }, { concurrency: 1, queue });
  });

  it.each(["eat memory", "eat memory in turns"])("with others beside it is charged when it does so alone: %s", async (job) => {
    await check({ job, error: error(), exits: [together(3), alone], starts: 2 }, { concurrency: 4, queue });
  });
});

/** Documented: buffers are not on the heap, and not bounded. */
describe("buffers", () => {
  it("beyond the heap limit are not noticed", async () => {
    await check({ job: "fill buffers", payload: 3 * LIMIT_MB, result: 3 * LIMIT_MB }, { queue });
  });
});

describe("control", () => {
  it.each(["neighbours pay", "nobody pays"] as const)("%s", async (name) => {
    await mustFail({ job: "eat memory", error: error(), exits: [together(3), alone], starts: 2 }, { concurrency: 4, queue, sabotage: SABOTAGES[name] });
  });
});
