/** Cancelling jobs that wait, run and have ended. */

import { type Engine, JobCancelledError, UnknownJobError } from "millrace";
import { linear } from "millrace/jobs";
import { describe, expect, it } from "vitest";
import { deferred } from "../../src/waiting.js";
import { nextEvent, rejection, said, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";
import { replacing } from "./storages.js";

/** The ids of all jobs whose cancelling is told from now on. */
function cancelledIds(engine: Engine): string[] {
  const ids: string[] = [];
  engine.on("cancelled", ({ id }) => ids.push(id));
  return ids;
}

async function expectCancelled(result: Promise<unknown>, id: string): Promise<void> {
  const error = await rejection(result);
  expect(error).toBeInstanceOf(JobCancelledError);
  expect(error).toMatchObject({ code: "MILLRACE_JOB_CANCELLED", message: expect.stringContaining(id) as string });
}

describe("a job that has not started", () => {
  it("is cancelled at once and never runs: waiting, scheduled, between two runs", async () => {
    const engine = await startEngine();
    const told = cancelledIds(engine);
    const retrying = await engine.enqueue("failing", 1, { backoff: linear("1h") });
    await nextEvent(engine, "retrying");
    await engine.pause("default");
    const waiting = await engine.enqueue("echo", 1);
    const scheduled = await engine.enqueue("echo", 2, { delay: "1h" });
    const started: string[] = [];
    engine.on("started", ({ id }) => started.push(id));
    for (const job of [waiting, scheduled, retrying]) {
      const result = rejection(job.result());
      expect(await job.cancel()).toBe("cancelled");
      expect(await result).toBeInstanceOf(JobCancelledError);
      await expectCancelled(engine.job(job.id).result(), job.id);
      expect(await job.info()).toMatchObject({ state: "cancelled", finishedAt: expect.any(Number) as number });
      expect(await engine.cancel(job.id)).toBe("finished");
    }
    expect((await waiting.info())?.attempt).toBe(0);
    expect((await retrying.info())?.attempt).toBe(1);
    await engine.resume("default");
    await engine.drain();
    expect(started).toEqual([]);
    expect(told).toEqual([waiting.id, scheduled.id, retrying.id]);
  });
});

describe("a job that runs", () => {
  it("and awaits is woken by its signal", async () => {
    const engine = await startEngine();
    const told = cancelledIds(engine);
    const job = await engine.enqueue("wait", newGate(), { maxRetries: 9 });
    await said(engine, job.id, "waiting");
    expect(await job.cancel()).toBe("cancelling");
    await expectCancelled(job.result(), job.id);
    expect(await job.info()).toMatchObject({ state: "cancelled", attempt: 1 });
    expect(await job.cancel()).toBe("finished");
    expect(told).toEqual([job.id]);
    expect(await engine.run("echo", 1)).toBe(1);
  });

  it("in a loop that never awaits sees the flag", async () => {
    const engine = await startEngine();
    const job = await engine.enqueue("spin", newGate());
    await said(engine, job.id, "spinning");
    expect(await engine.cancel(job.id)).toBe("cancelling");
    await expectCancelled(job.result(), job.id);
  });

  it("and does not listen goes on, and its result counts", async () => {
    const engine = await startEngine();
    const gate = newGate();
    const job = await engine.enqueue("stubborn", gate);
    await said(engine, job.id, "waiting");
    expect(await job.cancel()).toBe("cancelling");
    expect(await job.cancel()).toBe("cancelling");
    expect((await job.info())?.state).toBe("running");
    open(gate);
    expect(await job.result()).toBe("done");
    expect((await job.info())?.state).toBe("completed");
  });

  it("and ends its thread is cancelled, not run again", async () => {
    const engine = await startEngine();
    const job = await engine.enqueue("exit when asked", null, { maxRetries: 9 });
    await said(engine, job.id, "waiting");
    await job.cancel();
    await expectCancelled(job.result(), job.id);
    expect(await job.info()).toMatchObject({ state: "cancelled", attempt: 1 });
    expect(await engine.run("echo", 1)).toBe(1);
  });

  it.each(["throws another error", "snoozes"])("and then %s is cancelled, not run again", async (how) => {
    const engine = await startEngine();
    const job = await engine.enqueue("when asked", how, { maxRetries: 9, backoff: linear(0) });
    await said(engine, job.id, "waiting");
    await job.cancel();
    await expectCancelled(job.result(), job.id);
    expect(await job.info()).toMatchObject({ state: "cancelled", attempt: 1 });
  });

  it("finds its signal aborted, whenever it looks", async () => {
    const engine = await startEngine();
    const job = await engine.enqueue("when asked", "looks at its signal");
    await said(engine, job.id, "waiting");
    await job.cancel();
    expect(await job.result()).toEqual({ aborted: true, reason: "JobCancelledError", code: "MILLRACE_JOB_CANCELLED", same: true });
  });

  it("hears of it also when it was cancelled while its claim was under way", async () => {
    const claimed = deferred();
    const mayAnswer = deferred();
    const storage = replacing((inner) => ({
      claim: async (request) => {
        const jobs = await inner.claim(request);
        if (jobs.length === 0) return jobs;
        claimed.resolve();
        await mayAnswer.promise;
        return jobs;
      },
    }));
    const engine = await startEngine({ storage });
    const job = await engine.enqueue("wait", newGate());
    await claimed.promise;
    expect(await job.cancel()).toBe("cancelling");
    mayAnswer.resolve();
    await expectCancelled(job.result(), job.id);
  });
});

describe("a job that is not there to be cancelled", () => {
  it("has finished, or is unknown", async () => {
    const engine = await startEngine();
    const job = await engine.enqueue("echo", 1);
    await job.result();
    expect(await job.cancel()).toBe("finished");
    expect(await job.result()).toBe(1);
    const dead = await engine.enqueue("hopeless", "no");
    await dead.result().catch(() => undefined);
    expect(await dead.cancel()).toBe("finished");
    expect((await dead.info())?.state).toBe("dead");
    const error = await rejection(engine.cancel("nobody"));
    expect(error).toBeInstanceOf(UnknownJobError);
    expect((error as Error).message).toContain("nobody");
  });
});
