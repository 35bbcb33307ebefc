/** The engine leaves the event loop to others, and tells the last step of a job's progress. */

import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { defineJob, defineJobs } from "../../src/jobs.js";
import { createTestEngine } from "../../src/testing/test-engine.js";

const steps = defineJob({
  name: "steps",
  run: (count: number, ctx) => {
    for (let step = 0; step <= count; step += 1) ctx.progress(step / count);
  },
});

it("lets others run while calls are awaited one after the other", async () => {
  const engine = createTestEngine({ jobs: defineJobs({ jobs: [steps] }), queues: { default: { threads: 0 } } });
  await engine.start();
  let turns = 0;
  const done = new AbortController();
  const others = (async (): Promise<void> => {
    for (; !done.signal.aborted; turns += 1) await turn();
  })();
  // Many times as long as the engine may keep a turn to itself, on any machine.
  for (let count = 0; count < 5_000; count += 1) await engine.enqueue(steps, 1);
  for (let count = 0; count < 500; count += 1) await engine.stats();
  done.abort();
  expect(turns).toBeGreaterThan(3);
  await others;
  await engine.stop();
});

it("tells the last step of a job's progress, and forgets who watched", async () => {
  const engine = createTestEngine({ jobs: defineJobs({ jobs: [steps] }) });
  await engine.start();
  const told: number[] = [];
  const job = await engine.enqueue(steps, 50, { delay: 1 });
  job.onProgress((fraction) => told.push(fraction));
  await job.result();
  expect(told.at(-1)).toBe(1);
  await engine.retry(job.id).then((again) => again.result());
  expect(told.filter((fraction) => fraction === 1)).toEqual([1]);
  await engine.stop();
});
