/** What follows a failed run: retries and their waits, `dead`, `retry`, `snooze`. */

import { describe, expect, it } from "vitest";
import { DuplicateJobError, JobError, OptionsError, UnknownJobError } from "../../src/index.js";
import { defineJob, exponential, type Job, linear } from "../../src/jobs.js";
import { rejection, startEngine } from "./engines.js";
import { startTestEngine, type TestSetup } from "./test-engines.js";

const failing: Job<number, number, unknown> = defineJob({
  name: "failing",
  run: (times: number, ctx) => {
    if (ctx.attempt <= times) throw new RangeError(`run ${ctx.attempt} failed`);
    return ctx.attempt;
  },
});

/** When the runs of a job started, in ms since the first. */
async function startsOf({ engine, clock }: TestSetup, run: () => Promise<unknown>): Promise<number[]> {
  const starts: number[] = [];
  engine.on("started", () => starts.push(clock.now()));
  const done = run().catch(() => undefined);
  // What is kept of finished jobs is looked through hours later.
  await clock.advance(86_400_000);
  await done;
  return starts.map((at) => at - starts[0]!);
}

describe("backoff", () => {
  it("waits base ** k seconds without jitter, at most maxDelay", async () => {
    const setup = await startTestEngine([failing]);
    const backoff = exponential({ base: 2, maxDelay: "30s", jitter: 0 });
    const starts = await startsOf(setup, () => setup.engine.run(failing, 6, { backoff, maxRetries: 6 }));
    expect(starts).toEqual([0, 2_000, 6_000, 14_000, 30_000, 60_000, 90_000]);
  });

  it("is exponential with base 2, a jitter of a tenth and an hour at most unless given", async () => {
    const setup = await startTestEngine([failing]);
    const starts = await startsOf(setup, () => setup.engine.run(failing, 15, { maxRetries: 15 }));
    const waits = starts.slice(1).map((at, index) => at - starts[index]!);
    waits.forEach((wait, index) => {
      const expected = Math.min(2 ** (index + 1) * 1_000, 3_600_000);
      expect(wait).toBeGreaterThanOrEqual(expected * 0.9 - 1);
      expect(wait).toBeLessThanOrEqual(Math.min(expected * 1.1, 3_600_000) + 1);
    });
    expect(waits).not.toEqual(waits.map((_, index) => Math.min(2 ** (index + 1) * 1_000, 3_600_000)));
  });

  it("of linear is the same each time", async () => {
    const setup = await startTestEngine([failing]);
    const starts = await startsOf(setup, () => setup.engine.run(failing, 3, { backoff: linear("5s") }));
    expect(starts).toEqual([0, 5_000, 10_000, 15_000]);
  });

  it("never runs a job early, however the wall clock jumps", async () => {
    const { engine, clock } = await startTestEngine([failing]);
    const job = await engine.enqueue(failing, 1, { backoff: linear("10s") });
    await clock.settle();
    clock.jump(-60_000);
    await clock.advance(10_000);
    expect((await job.info())?.state).toBe("retrying");
    await clock.advance(60_000);
    expect(await job.result()).toBe(2);
  });
});

describe("maxRetries", () => {
  it("n means n + 1 runs, and dead keeps the last error", async () => {
    const { engine, clock } = await startTestEngine([failing]);
    const job = await engine.enqueue(failing, 99, { maxRetries: 2, backoff: linear(0) });
    await clock.advance(10);
    const error = await rejection(job.result());
    expect(error).toBeInstanceOf(JobError);
    expect(error).toMatchObject({ runs: 3, cause: { name: "RangeError", message: "run 3 failed" } });
    expect((error as Error).message).toBe(`job "failing" (${job.id}) failed after 3 runs: run 3 failed`);
    expect(await job.info()).toMatchObject({ state: "dead", attempt: 3, maxRetries: 2, error: { message: "run 3 failed" } });
  });

  it.each([
    [0, 1],
    [1, 2],
    [Infinity, 50],
  ])("%d: %d runs", async (maxRetries, runs) => {
    const setup = await startTestEngine([failing]);
    const starts = await startsOf(setup, () => setup.engine.run(failing, runs === 50 ? 49 : 99, { maxRetries, backoff: linear(1) }));
    expect(starts).toHaveLength(runs);
  });
});

describe("retry", () => {
  it("runs a dead job once more, with a fresh handle and its attempts from the start", async () => {
    const { engine, clock } = await startTestEngine([failing]);
    const job = await engine.enqueue(failing, 1, { maxRetries: 0 });
    await expect(job.result()).rejects.toBeInstanceOf(JobError);
    const fresh = await engine.retry(job.id);
    expect(fresh).toMatchObject({ id: job.id, duplicate: false });
    await expect(fresh.result()).rejects.toMatchObject({ runs: 1 });
    // The old handle keeps the outcome it had.
    await expect(job.result()).rejects.toBeInstanceOf(JobError);
    await clock.settle();
    expect(await job.info()).toMatchObject({ state: "dead", attempt: 1 });
  });

  it("runs completed and cancelled jobs again, and forgets what they had", async () => {
    let runs = 0;
    const counting = defineJob({ name: "counting", run: () => (runs += 1) });
    const { engine } = await startTestEngine([counting]);
    const job = await engine.enqueue(counting, null);
    expect(await job.result()).toBe(1);
    expect(await (await engine.retry(job.id)).result()).toBe(2);
    expect(await job.result()).toBe(1);
    expect(await engine.job(job.id).result()).toBe(2);
    const cancelled = await engine.enqueue(counting, null, { delay: "1h" });
    await cancelled.cancel();
    const fresh = await engine.retry(cancelled.id);
    expect(await fresh.result()).toBe(3);
    expect(await fresh.info()).toMatchObject({ state: "completed", error: null });
  });

  it("refuses jobs nobody knows, that run, and whose key is held", async () => {
    const engine = await startEngine();
    await expect(engine.retry("nobody")).rejects.toMatchObject({ name: UnknownJobError.name });
    await engine.pause("default");
    const first = await engine.enqueue("echo", 1, { unique: "key" });
    await first.cancel();
    const second = await engine.enqueue("echo", 2, { unique: "key" });
    const error = await rejection(engine.retry(first.id));
    expect(error).toMatchObject({ name: DuplicateJobError.name, code: "MILLRACE_DUPLICATE_JOB" });
    expect((await first.info())?.state).toBe("cancelled");
    await engine.resume("default");
    expect(await second.result()).toBe(2);
    expect(await (await engine.retry(first.id)).result()).toBe(1);
    const running = await engine.enqueue("forever", null);
    await new Promise((resolve) => engine.on("log", resolve));
    await expect(engine.retry(running.id)).rejects.toMatchObject({ name: OptionsError.name, message: expect.stringContaining("running") as string });
  });
});

describe("snooze", () => {
  it("ends the run and puts the job back for later; attempt stays", async () => {
    const seen: unknown[] = [];
    const sleepy = defineJob({
      name: "sleepy",
      run: (_: null, ctx) => {
        seen.push(ctx.attempt);
        if (seen.length < 4) ctx.snooze("1m");
        throw new RangeError("awake");
      },
    });
    const { engine, clock } = await startTestEngine([sleepy]);
    const job = await engine.enqueue(sleepy, null, { maxRetries: 0 });
    await clock.settle();
    expect(await job.info()).toMatchObject({ state: "scheduled", attempt: 0, runAt: clock.now() + 60_000, error: null });
    await clock.advance(59_999);
    expect(seen).toHaveLength(1);
    await clock.advance(1);
    expect(seen).toHaveLength(2);
    await clock.advance(120_000);
    expect(seen).toEqual([1, 1, 1, 1]);
    await expect(job.result()).rejects.toMatchObject({ runs: 1 });
  });

  it("keeps the number of runs that had failed before", async () => {
    const seen: number[] = [];
    const job = defineJob({
      name: "job",
      run: (_: null, ctx) => {
        seen.push(ctx.attempt);
        if (seen.length === 1) throw new Error("first");
        if (seen.length === 2) ctx.snooze(5);
        return ctx.attempt;
      },
    });
    const { engine, clock } = await startTestEngine([job]);
    const handle = await engine.enqueue(job, null, { backoff: linear(5) });
    await clock.advance(20);
    expect(await handle.result()).toBe(2);
    expect(seen).toEqual([1, 2, 2]);
    expect(await handle.info()).toMatchObject({ state: "completed", attempt: 2, error: { message: "first" } });
  });

  it("works in threads", async () => {
    const engine = await startEngine();
    expect(await engine.run("snooze", 5)).toBe(1);
  });
});

describe("a run that ends its thread", () => {
  it("is one failed run, told with the exit code, and the next goes to a new thread", async () => {
    const engine = await startEngine();
    const error = await rejection(engine.run("exit", 7, { maxRetries: 1, backoff: linear(0) }));
    expect(error).toMatchObject({ name: "ThreadExitedError", code: "MILLRACE_THREAD_EXITED", exitCode: 7, runs: 2 });
    expect(await engine.run("echo", 1)).toBe(1);
  });
});
