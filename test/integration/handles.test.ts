/** What `enqueue` and `job(id)` give, and `run`. */

import { EngineStoppedError, JobCancelledError, memoryStorage, UnknownJobError } from "millrace";
import { linear } from "millrace/jobs";
import { describe, expect, it } from "vitest";
import { newEngine, nextEvent, rejection, said, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";
import { runProcess } from "./processes.js";

describe("id", () => {
  it("sorts in the order of enqueue and is stable over retries", async () => {
    const engine = await startEngine();
    const jobs = await Promise.all(Array.from({ length: 50 }, (_, index) => engine.enqueue("echo", index)));
    const ids = jobs.map(({ id }) => id);
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(50);
    await engine.drain();
    const seen: string[] = [];
    engine.on("started", ({ id }) => seen.push(id));
    const failing = await engine.enqueue("failing", 2, { backoff: linear(0) });
    expect(await failing.result()).toBe(3);
    expect(seen).toEqual([failing.id, failing.id, failing.id]);
  });
});

describe("result", () => {
  it("may be awaited several times, before and after the end, and each gets a value of its own", async () => {
    const engine = await startEngine();
    const job = await engine.enqueue("echo", { list: [1] });
    const [first, second] = (await Promise.all([job.result(), job.result()])) as { list: number[] }[];
    const third = await job.result();
    expect([first, second, third]).toEqual([{ list: [1] }, { list: [1] }, { list: [1] }]);
    first!.list.push(2);
    expect(second).toEqual({ list: [1] });
    expect(await job.result()).toEqual({ list: [1] });
  });

  it("stops waiting after its timeout, while the job goes on", async () => {
    const engine = await startEngine();
    const gate = newGate();
    const job = await engine.enqueue("wait", gate);
    await said(engine, job.id, "waiting");
    const error = await rejection(job.result({ timeout: 20 }));
    expect(error).toMatchObject({ name: "TimeoutError", message: expect.stringContaining(job.id) as string });
    expect((await job.info())?.state).toBe("running");
    open(gate);
    await expect(job.result({ timeout: "30s" })).resolves.toBeTypeOf("number");
  });

  it("stops waiting when its signal aborts, while the job goes on", async () => {
    const engine = await startEngine();
    const gate = newGate();
    const job = await engine.enqueue("wait", gate);
    await said(engine, job.id, "waiting");
    const controller = new AbortController();
    const reason = new Error("enough");
    const waiting = rejection(job.result({ signal: controller.signal }));
    controller.abort(reason);
    expect(await waiting).toBe(reason);
    expect(await rejection(job.result({ signal: controller.signal }))).toBe(reason);
    expect((await job.info())?.state).toBe("running");
    open(gate);
    await job.result();
  });

  it("is kept by its handle when the job is removed, and gone for everybody else", async () => {
    const engine = await startEngine();
    const job = await engine.enqueue("echo", 7);
    await job.result();
    expect(await engine.job(job.id).result()).toBe(7);
    await engine.remove(job.id);
    expect(await job.result()).toBe(7);
    expect(await job.info()).toBeUndefined();
    const error = await rejection(engine.job(job.id).result());
    expect(error).toBeInstanceOf(UnknownJobError);
    expect(error).toMatchObject({ code: "MILLRACE_UNKNOWN_JOB", message: expect.stringContaining(job.id) as string });
  });

  it.each(["plain", "signal", "timeout"])("comes to whoever waits or has kept a handle, though the others are forgotten: %s", async (way) => {
    const { lines, code } = await runProcess("forgotten.js", [way], ["--expose-gc"]);
    expect({ lines, code }).toEqual({ lines: ["forgotten true", "told 10", "job undefined", "kept 10"], code: 0 });
  });

  it("is not awaited for ever when another engine removes the job", async () => {
    const storage = memoryStorage();
    const [engine, other] = [newEngine({ storage }), newEngine({ storage })];
    const job = await engine.enqueue("echo", 7);
    const result = rejection(job.result());
    await other.remove(job.id);
    expect(await result).toBeInstanceOf(UnknownJobError);
  });

  it("of a handle made from an id comes for jobs that run, that have ended and that nobody knows", async () => {
    const engine = await startEngine();
    const gate = newGate();
    const job = await engine.enqueue("wait", gate);
    const handle = engine.job(job.id);
    expect(handle).toMatchObject({ id: job.id, duplicate: false });
    await said(engine, job.id, "waiting");
    const result = handle.result();
    await handle.info();
    open(gate);
    expect(await result).toBeTypeOf("number");
    expect(await engine.job(job.id).result()).toBe(await result);
    await expect(engine.job("nobody").result()).rejects.toBeInstanceOf(UnknownJobError);
    expect(await engine.job("nobody").info()).toBeUndefined();
    await expect(engine.job("nobody").cancel()).rejects.toBeInstanceOf(UnknownJobError);
  });

  it("comes for those who were waiting when a retry was hurried", async () => {
    const engine = await startEngine();
    const job = await engine.enqueue("failing", 1, { backoff: linear("1h") });
    const result = job.result();
    await nextEvent(engine, "retrying");
    // Its attempts start again, so it fails once more first.
    await engine.retry(job.id);
    await nextEvent(engine, "retrying");
    await job.cancel();
    await expect(result).rejects.toBeInstanceOf(JobCancelledError);
  });

  it("comes for those who were waiting when a scheduled job was hurried", async () => {
    const engine = await startEngine();
    const job = await engine.enqueue("echo", 5, { delay: "1h" });
    const result = job.result();
    const fresh = await engine.retry(job.id);
    expect(await fresh.result()).toBe(5);
    expect(await result).toBe(5);
  });
});

describe("onProgress", () => {
  it("tells what the job tells, and stops when it is told to", async () => {
    const engine = await startEngine();
    const job = await engine.enqueue("report", [[0.25, "a quarter"]], { delay: 30 });
    const other = await engine.enqueue("report", [[0.5]], { delay: 30 });
    const told: unknown[] = [];
    const off = job.onProgress((...args) => told.push(args));
    other.onProgress(() => told.push("off"))();
    await Promise.all([job.result(), other.result()]);
    expect(told).toEqual([[0.25, "a quarter"]]);
    off();
    await engine.retry(job.id);
    await job.result();
    await engine.drain();
    expect(told).toHaveLength(1);
  });

  it("keeps the last progress in info, from a loop that never awaits and after the end", async () => {
    const engine = await startEngine();
    const gate = newGate();
    const job = await engine.enqueue("spin", gate);
    await new Promise<void>((resolve) => job.onProgress(() => resolve()));
    const during = (await job.info())?.progress;
    expect(during).toBeGreaterThan(0);
    open(gate);
    await job.result();
    expect((await job.info())?.progress).toBeGreaterThanOrEqual(during ?? NaN);
    expect((await (await engine.enqueue("echo", 1)).info())?.progress).toBeNull();
  });
});

describe("info", () => {
  it("has exactly the fields of product.md", async () => {
    const engine = await startEngine();
    const before = Date.now();
    const job = await engine.enqueue("echo", 1, { priority: 3, maxRetries: 2, meta: { a: "b" } });
    await job.result();
    const info = await job.info();
    const time = expect.any(Number) as number;
    expect(info).toEqual({
      ...{ id: job.id, name: "echo", queue: "default", state: "completed", attempt: 1, maxRetries: 2, priority: 3, meta: { a: "b" } },
      ...{ createdAt: time, runAt: time, startedAt: time, finishedAt: time, progress: null, error: null },
    });
    const { createdAt, runAt, startedAt, finishedAt } = info!;
    const times = [before, createdAt, runAt, startedAt!, finishedAt!, Date.now()];
    expect(times.toSorted((a, b) => a - b)).toEqual(times);
    const waiting = await engine.enqueue("echo", 1, { delay: "1h" });
    expect(await waiting.info()).toMatchObject({ state: "scheduled", attempt: 0, startedAt: null, finishedAt: null });
  });

  it("shows the error of the last failed run, also while the next one waits", async () => {
    const engine = await startEngine();
    const job = await engine.enqueue("failing", 1, { backoff: linear("1h") });
    await nextEvent(engine, "retrying");
    expect(await job.info()).toMatchObject({
      ...{ state: "retrying", attempt: 1, finishedAt: null },
      error: { name: "RangeError", message: "run 1 failed", stack: expect.stringContaining("basics.js") as string, code: null },
    });
    expect(Object.keys((await job.info())?.error ?? {}).toSorted()).toEqual(["code", "message", "name", "stack"]);
  });
});

describe("run", () => {
  it("enqueues and gives the result", async () => {
    const engine = await startEngine();
    expect(await engine.run("echo", { a: 1 })).toEqual({ a: 1 });
    await expect(engine.run("failing", 9, { maxRetries: 0 })).rejects.toMatchObject({ code: "MILLRACE_JOB_FAILED" });
  });

  it("cancels the job when its signal aborts, and rejects with the reason", async () => {
    const engine = await startEngine();
    const controller = new AbortController();
    const cancelled = nextEvent(engine, "cancelled");
    const enqueued = nextEvent(engine, "enqueued");
    const logged = nextEvent(engine, "log");
    const result = rejection(engine.run("spin", newGate(), { signal: controller.signal }));
    const { id } = await enqueued;
    await logged;
    const reason = new Error("client went away");
    controller.abort(reason);
    expect(await result).toBe(reason);
    expect((await cancelled).id).toBe(id);
    expect((await engine.info(id))?.state).toBe("cancelled");
  });

  it("stores nothing when its signal has aborted before", async () => {
    const engine = await startEngine();
    await expect(engine.run("echo", 1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" });
    expect((await engine.list()).jobs).toEqual([]);
  });

  it("cancels a job whose signal aborts while it is being stored", async () => {
    const engine = await startEngine();
    await engine.pause("default");
    const controller = new AbortController();
    const cancelled = nextEvent(engine, "cancelled");
    const result = rejection(engine.run("echo", 1, { signal: controller.signal }));
    controller.abort();
    expect(await result).toMatchObject({ name: "AbortError" });
    await cancelled;
  });
});

describe("an engine that is stopped", () => {
  it("lets those know who still await", async () => {
    const engine = await startEngine();
    const job = await engine.enqueue("echo", 1, { delay: "1h" });
    const byId = rejection(engine.job(job.id).result());
    const direct = rejection(job.result());
    const run = rejection(engine.run("wait", newGate()));
    await job.info();
    await engine.stop({ timeout: 0 });
    for (const error of await Promise.all([byId, direct, run, rejection(job.result())])) expect(error).toBeInstanceOf(EngineStoppedError);
  });
});
