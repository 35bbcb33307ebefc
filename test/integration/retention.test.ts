/** How long finished jobs are kept. */

import { describe, expect, it } from "vitest";
import { UnknownJobError } from "../../src/index.js";
import { defineJob, type Job } from "../../src/jobs.js";
import { startTestEngine, type TestSetup } from "./test-engines.js";

const echo: Job<unknown, unknown, unknown> = defineJob({ name: "echo", run: (payload: unknown) => payload });
const fail: Job<unknown, unknown, unknown> = defineJob({
  name: "fail",
  maxRetries: 0,
  run: () => {
    throw new Error("failed");
  },
});
const HOUR = 3_600_000;

async function idsOf({ engine }: TestSetup): Promise<string[]> {
  return (await engine.list()).jobs.map(({ id }) => id);
}

describe("age", () => {
  it("is an hour for completed and cancelled jobs, seven days for dead ones, unless given", async () => {
    const setup = await startTestEngine([echo, fail]);
    const { engine, clock } = setup;
    const completed = await engine.enqueue(echo, 1);
    const dead = await engine.enqueue(fail, 1);
    const cancelled = await engine.enqueue(echo, 1, { delay: "1h" });
    await cancelled.cancel();
    await clock.advance(HOUR - 1);
    expect(await idsOf(setup)).toEqual([completed.id, dead.id, cancelled.id]);
    await clock.advance(1_001);
    expect(await idsOf(setup)).toEqual([dead.id]);
    await clock.advance(7 * 24 * HOUR - HOUR - 2_000);
    expect(await idsOf(setup)).toEqual([dead.id]);
    await clock.advance(2_000);
    expect(await idsOf(setup)).toEqual([]);
  });

  it("never takes jobs that are not finished", async () => {
    const setup = await startTestEngine([echo], { retention: { completed: { age: 0, count: 0 }, dead: { age: 0 }, bytes: 0 } });
    const { engine, clock } = setup;
    await engine.pause("default");
    const waiting = await engine.enqueue(echo, "x".repeat(1_000));
    const later = await engine.enqueue(echo, 1, { delay: "30d" });
    const done = await engine.enqueue(echo, 1, { queue: "other" });
    expect(await done.result()).toBe(1);
    await clock.advance(24 * HOUR);
    expect(await idsOf(setup)).toEqual([waiting.id, later.id]);
  });
});

describe("count", () => {
  it("keeps the newest of each queue", async () => {
    const setup = await startTestEngine([echo, fail], { retention: { completed: { count: 2 }, dead: { count: 1 } } });
    const { engine, clock } = setup;
    const ids: string[] = [];
    for (const [job, queue] of [[echo, "a"], [echo, "a"], [echo, "b"], [fail, "a"], [echo, "a"], [fail, "a"], [fail, "b"]] as const) {
      ids.push((await engine.enqueue(job, ids.length, { queue })).id);
      await clock.advance(1);
    }
    await clock.advance(60_000);
    expect(await idsOf(setup)).toEqual([1, 2, 4, 5, 6].map((index) => ids[index]));
  });
});

describe("bytes", () => {
  it("bound payloads and results of finished jobs together", async () => {
    const setup = await startTestEngine([echo], { retention: { bytes: "10kb" } });
    const { engine, clock } = setup;
    const ids: string[] = [];
    for (let n = 0; n < 8; n += 1) {
      ids.push((await engine.enqueue(echo, "x".repeat(1_000))).id);
      await clock.advance(1);
    }
    // Each weighs a little more than 2,000 bytes, payload and result. That much is not left for later.
    expect(await idsOf(setup)).toEqual(ids.slice(-5));
  });
});

describe("a pruned job", () => {
  it("lives on in the handles of those who have it, and in the totals", async () => {
    const setup = await startTestEngine([echo], { retention: { completed: { age: "1s" } } });
    const { engine, clock } = setup;
    const job = await engine.enqueue(echo, { a: 1 });
    const untouched = await engine.enqueue(echo, { a: 2 });
    expect(await job.result()).toEqual({ a: 1 });
    await clock.advance(5_000);
    expect(await job.info()).toBeUndefined();
    expect(await job.result()).toEqual({ a: 1 });
    expect(await untouched.result()).toEqual({ a: 2 });
    await expect(engine.job(job.id).result()).rejects.toBeInstanceOf(UnknownJobError);
    await expect(engine.retry(job.id)).rejects.toBeInstanceOf(UnknownJobError);
    await expect(job.cancel()).rejects.toBeInstanceOf(UnknownJobError);
    const { queues } = await engine.stats();
    expect(queues["default"]).toMatchObject({ completed: 0, totals: { enqueued: 2, completed: 2 } });
  });
});
