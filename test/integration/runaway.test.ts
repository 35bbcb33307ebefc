/** Jobs that would flood the engine: chains without end, and payloads and results that are too big. */

import { type Engine, MaxDepthError } from "millrace";
import { describe, expect, it } from "vitest";
import { defineJob } from "../../src/jobs.js";
import { newEngine, rejection, said, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";
import { startTestEngine } from "./test-engines.js";

/** What became of the jobs called "chain", when none is left. */
async function chainOf(engine: Engine): Promise<{ readonly completed: number; readonly dead: readonly unknown[] }> {
  await engine.drain();
  const { jobs } = await engine.list({ name: "chain", limit: 1_000 });
  const errors = jobs.filter(({ state }) => state === "dead").map(({ error }) => error);
  return { completed: jobs.filter(({ state }) => state === "completed").length, dead: errors };
}

describe("a job that enqueues itself without end", () => {
  it("ends after 101 jobs: the last one is told why", async () => {
    const engine = await startEngine();
    await engine.enqueue("chain", 0);
    expect(await chainOf(engine)).toEqual({
      completed: 100,
      dead: [
        expect.objectContaining({
          name: "MaxDepthError",
          code: "MILLRACE_MAX_DEPTH",
          message: 'job "chain" was not enqueued: 101 jobs had enqueued one another before it, and maxDepth is 100',
        }),
      ],
    });
  });

  it.each([
    [3, 3],
    [0, 0],
  ])("ends after maxDepth %s", async (maxDepth, completed) => {
    const engine = await startEngine({ maxDepth });
    await engine.enqueue("chain", 0);
    const chain = await chainOf(engine);
    expect(chain.completed).toBe(completed);
    expect(chain.dead).toHaveLength(1);
  });

  it("may go on without end if it is told so", async () => {
    let left = 500;
    const endless = defineJob({
      name: "chain",
      run: async (n: number, { enqueue }) => void ((left -= 1) > 0 && (await enqueue("chain", n + 1))),
    });
    const { engine } = await startTestEngine([endless], { maxDepth: Infinity });
    await engine.enqueue(endless, 0);
    await engine.drain();
    expect(left).toBe(0);
  });

  it("keeps its depth over retries and snoozes, and begins anew with each job that no job enqueued", async () => {
    const depths: string[] = [];
    const deep = defineJob({
      name: "deep",
      maxRetries: 1,
      run: async (step: number, ctx) => {
        if (step === 1 && ctx.attempt === 1) throw new Error("again");
        await ctx.enqueue("deep", step + 1).then(
          () => depths.push(`${step} went on`),
          (error: unknown) => depths.push(`${step} ${(error as Error).name}`),
        );
      },
    });
    const { engine, clock } = await startTestEngine([deep], { maxDepth: 2 });
    await engine.enqueue(deep, 0);
    await clock.advance(10_000);
    expect(depths.splice(0)).toEqual(["0 went on", "1 went on", "2 MaxDepthError"]);
    const [first] = (await engine.list()).jobs;
    await engine.retry(first!.id);
    await clock.advance(10_000);
    expect(depths).toEqual(["0 went on", "1 went on", "2 MaxDepthError"]);
  });

  it("sees the error as what it is", async () => {
    const engine = await startEngine({ maxDepth: 0 });
    expect(await engine.run("catching", { job: "echo", payload: 1 })).toEqual({
      ...{ isQueueFull: false, isMaxDepth: true, isMillrace: true },
      ...{ name: "MaxDepthError", code: "MILLRACE_MAX_DEPTH", jobName: "echo", maxDepth: 0 },
    });
    expect(new MaxDepthError("x", { jobName: "a", maxDepth: 1 })).toMatchObject({ jobName: "a", maxDepth: 1 });
  });
});

describe("what is too big", () => {
  const limits = { maxPayload: 1_000, maxResult: 2_000, queues: { default: { threads: 1, concurrency: 2 } } };

  it("is refused by enqueue with its size and the limit", async () => {
    const engine = newEngine(limits);
    const error = await rejection(engine.enqueue("echo", { text: "x".repeat(5_000) }));
    expect(error).toMatchObject({ code: "MILLRACE_PAYLOAD", path: "payload" });
    expect((error as Error).message).toMatch(/5\d{3} bytes.* limit is 1000\b/);
    expect((await engine.list()).jobs).toEqual([]);
  });

  it.each([
    { name: "big", payload: 5_000, path: "result", message: /5\d{3} bytes.* limit is 2000\b/ },
    { name: "enqueuing", payload: { job: "echo", payload: null, size: 5_000 }, path: "payload", message: /5\d{3} bytes.* limit is 1000\b/ },
  ])("fails only the job: the $path", async ({ name, payload, path, message }) => {
    const engine = await startEngine(limits);
    const gate = newGate();
    const neighbour = await engine.enqueue("wait", gate);
    await said(engine, neighbour.id, "waiting");
    const job = await engine.enqueue(name, payload, { maxRetries: 0 });
    const error = await rejection(job.result());
    expect(error).toMatchObject({ code: "MILLRACE_JOB_FAILED", runs: 1, cause: { name: "PayloadError", code: "MILLRACE_PAYLOAD", path } });
    expect(((error as Error).cause as Error).message).toMatch(message);
    open(gate);
    await neighbour.result();
    expect(await neighbour.info()).toMatchObject({ state: "completed", attempt: 1 });
    expect(await engine.run("echo", 1)).toBe(1);
  });
});
