import { expect, it } from "vitest";
import { systemClock } from "../../src/clock.js";
import { exponential, defineJob, defineJobs } from "../../src/jobs.js";
import { boundedStorage } from "../../src/storage/bounded-storage.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import type { Storage } from "../../src/storage/storage.js";
import { createTestEngine } from "../../src/testing/test-engine.js";

const failing = defineJob({
  name: "failing",
  backoff: exponential({ jitter: 0 }),
  run: () => {
    throw new Error("always");
  },
});

it("cancels a job whose failed run is just being stored, so that it does not run again", async () => {
  const inner = boundedStorage(memoryStorage(), { ms: 1_000, clock: systemClock(), onDoubt: () => undefined });
  let cancelled: Promise<unknown> = Promise.resolve();
  // The wish to cancel comes when the retry is decided and not yet written.
  const storage: Storage = {
    ...inner,
    complete: async (transitions) => {
      const [transition] = transitions;
      if (transition?.to === "retrying") cancelled = engine.cancel(transition.id);
      await cancelled;
      return inner.complete(transitions);
    },
  };
  const engine = createTestEngine({ jobs: defineJobs({ jobs: [failing] }), storage });
  await engine.start();
  const job = await engine.enqueue(failing, undefined);
  await expect(job.result()).rejects.toMatchObject({ code: "MILLRACE_JOB_CANCELLED" });
  expect(await cancelled).toBe("cancelling");
  expect(await job.info()).toMatchObject({ state: "cancelled", attempt: 1 });
  await engine.stop();
});
