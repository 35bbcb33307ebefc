/** Jobs that bend the time of their thread, as fake timers do: deadlines after them count all the same, and find who is to blame. */

import { afterEach, describe, expect, it } from "vitest";
import { checkOn, openStage, type Stage } from "./check.js";

const KINDS = ["a clock that says NaN", "a clock that is an hour ahead", "no performance", "no time at all"];

let stage: Stage;
afterEach(async () => void (await stage.engine.stop({ timeout: 0 })));

describe("after a job that leaves behind", () => {
  it.each(KINDS)("%s: a deadline is a deadline", async (kind) => {
    // Alone on its thread it is to blame, whether or not its stack can be read on a busy machine.
    stage = await openStage({ concurrency: 1 });
    expect(await stage.engine.run("bend time", kind)).toBe("bent");
    await checkOn(stage, {
      ...{ job: "loop", payload: "a busy loop", options: { timeout: 100, maxRetries: 0 } },
      error: { code: "MILLRACE_JOB_TIMEOUT", runs: 1 },
      exits: [{ reason: "deadline", charged: true }],
    });
  });

  it.each(KINDS)("%s: who exits is charged for it", async (kind) => {
    stage = await openStage();
    expect(await stage.engine.run("bend time", kind)).toBe("bent");
    await checkOn(stage, {
      ...{ job: "exit", payload: 7, error: { code: "MILLRACE_THREAD_EXITED", exitCode: 7, runs: 1 } },
      exits: [{ reason: "exit", exitCode: 7, charged: true, returned: 2 }],
    });
  });
});
