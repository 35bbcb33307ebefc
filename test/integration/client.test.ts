/** An engine that is never started beside one that is, on one storage. */

import { JobCancelledError, JobError, memoryStorage, OptionsError } from "millrace";
import { describe, expect, it } from "vitest";
import { newEngine, nextEvent, rejection, said, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";

describe("a client", () => {
  it("needs no jobs module, and cannot be started without one", async () => {
    const { createEngine } = await import("millrace");
    const client = createEngine();
    const job = await client.enqueue("echo", 1);
    expect(await job.info()).toMatchObject({ state: "waiting" });
    expect((await client.stats()).queues["default"]).toMatchObject({ waiting: 1, threads: 0, healthy: true });
    await expect(client.start()).rejects.toBeInstanceOf(OptionsError);
    await client.stop();
  });

  it("enqueues for the engine that runs, and gets results and errors", async () => {
    const storage = memoryStorage();
    const engine = await startEngine({ storage });
    const client = newEngine({ storage });
    expect(await client.run("echo", { a: new Map([[1, 2]]) })).toEqual({ a: new Map([[1, 2]]) });
    const many = await client.enqueueMany("echo", [1, 2, 3]);
    expect(await Promise.all(many.map((job) => job.result()))).toEqual([1, 2, 3]);
    const error = await rejection(client.run("failing", 9, { maxRetries: 0 }));
    expect(error).toBeInstanceOf(JobError);
    expect(error).toMatchObject({ runs: 1, cause: { name: "RangeError" } });
    const other = await client.enqueue("echo", 4, { queue: "new" });
    expect(await other.result()).toBe(4);
    expect(await engine.job(other.id).result()).toBe(4);
    const later = await client.enqueue("echo", 5, { delay: 20 });
    expect(await later.result()).toBe(5);
  });

  it("enqueued before the other started", async () => {
    const storage = memoryStorage();
    const client = newEngine({ storage });
    const job = await client.enqueue("echo", 1, { queue: "somewhere" });
    const result = job.result();
    const drained = client.drain();
    await startEngine({ storage });
    expect(await result).toBe(1);
    await drained;
  });

  it("cancels what waits and what runs", async () => {
    const storage = memoryStorage();
    const engine = await startEngine({ storage });
    const client = newEngine({ storage });
    const running = await client.enqueue("spin", newGate());
    await said(engine, running.id, "spinning");
    const waiting = await client.enqueue("echo", 1);
    expect(await waiting.cancel()).toBe("cancelled");
    expect(await running.cancel()).toBe("cancelling");
    await expect(running.result()).rejects.toBeInstanceOf(JobCancelledError);
    await expect(engine.job(waiting.id).result()).rejects.toBeInstanceOf(JobCancelledError);
    expect(await client.cancel(running.id)).toBe("finished");
  });

  it("hears when the other side cancels, retries and removes", async () => {
    const storage = memoryStorage();
    const engine = await startEngine({ storage });
    const client = newEngine({ storage });
    const scheduled = await client.enqueue("echo", 7, { delay: "1h" });
    const hurried = rejection(scheduled.result().then((value) => Promise.reject(value as Error)));
    await engine.retry(scheduled.id);
    expect(await hurried).toBe(7);
    const cancelled = await client.enqueue("echo", 8, { delay: "1h" });
    const result = rejection(cancelled.result());
    await engine.cancel(cancelled.id);
    expect(await result).toBeInstanceOf(JobCancelledError);
  });

  it("pauses, resumes, retries and removes", async () => {
    const storage = memoryStorage();
    const engine = await startEngine({ storage });
    const client = newEngine({ storage });
    await client.pause("default");
    const job = await client.enqueue("echo", 1);
    await engine.drain();
    expect((await engine.stats()).queues["default"]).toMatchObject({ paused: true, waiting: 1 });
    await client.resume("default");
    expect(await job.result()).toBe(1);
    expect(await (await client.retry(job.id)).result()).toBe(1);
    await client.remove(job.id);
    expect(await engine.info(job.id)).toBeUndefined();
  });

  it("reads what the other has done, also after it has stopped", async () => {
    const storage = memoryStorage();
    const client = newEngine({ storage });
    const engine = await startEngine({ storage });
    const gate = newGate();
    const running = await client.enqueue("stubborn", gate);
    await said(engine, running.id, "waiting");
    expect((await client.info(running.id))?.state).toBe("running");
    const completed = nextEvent(engine, "completed");
    open(gate);
    await completed;
    await engine.stop();
    expect(await client.job(running.id).result()).toBe("done");
    expect((await client.list()).jobs).toMatchObject([{ id: running.id, state: "completed" }]);
  });

  it("goes on to wait when the other is replaced", async () => {
    const storage = memoryStorage();
    const client = newEngine({ storage });
    const first = await startEngine({ storage });
    const gate = newGate();
    const job = await client.enqueue("wait", gate);
    await said(first, job.id, "waiting");
    const result = job.result();
    expect(await first.stop({ timeout: 0 })).toEqual({ completed: 0, returned: 1 });
    const second = newEngine({ storage });
    const waits = said(second, job.id, "waiting");
    await second.start();
    await waits;
    open(gate);
    expect(await result).toBeTypeOf("number");
    expect(await job.info()).toMatchObject({ attempt: 1 });
  });
});
