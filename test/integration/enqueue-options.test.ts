/** Each option of `enqueue`, and that it wins over the definition. */

import { type Engine, type EnqueueOptions, type JobHandle, JobTimeoutError } from "millrace";
import { defineJob, exponential, linear } from "millrace/jobs";
import { describe, expect, it } from "vitest";
import { nextEvent, rejection, said, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";

const whoami = defineJob<unknown, { id: string; queue: string; attempt: number; maxRetries: number; meta: Record<string, string> }>({
  name: "whoami",
  queue: "defined",
  maxRetries: 2,
});
const failing = defineJob<number, number>({ name: "failing", backoff: linear("1h"), maxRetries: 3 });

/** The order in which jobs start that one thread runs one after the other. */
async function orderOfStarts(engine: Engine, enqueue: () => Promise<readonly JobHandle[]>): Promise<number[]> {
  const started: string[] = [];
  engine.on("started", ({ id }) => started.push(id));
  await engine.pause("default");
  const jobs = await enqueue();
  await engine.resume("default");
  await Promise.all(jobs.map((job) => job.result()));
  return started.map((id) => jobs.findIndex((job) => job.id === id));
}

describe("queue", () => {
  it("is the definition's, else default, and the option wins", async () => {
    const engine = await startEngine();
    expect((await engine.run(whoami, null)).queue).toBe("defined");
    expect((await engine.run(whoami, null, { queue: "chosen" })).queue).toBe("chosen");
    expect(await engine.run("whoami", null)).toMatchObject({ queue: "default" });
  });
});

describe("delay and runAt", () => {
  it("make a job wait for its time, scheduled until then", async () => {
    const engine = await startEngine();
    const before = Date.now();
    const delayed = await engine.enqueue("echo", 1, { delay: "1h" });
    const dated = await engine.enqueue("echo", 2, { runAt: new Date(before + 7_200_000) });
    const timed = await engine.enqueue("echo", 3, { runAt: before + 10_800_000 });
    const infos = await Promise.all([delayed, dated, timed].map((job) => job.info()));
    expect(infos.map((info) => info?.state)).toEqual(["scheduled", "scheduled", "scheduled"]);
    expect(infos[0]?.runAt).toBe((infos[0]?.createdAt ?? NaN) + 3_600_000);
    expect(infos.slice(1).map((info) => info?.runAt)).toEqual([before + 7_200_000, before + 10_800_000]);
  });

  it("run a job when its time has come, and not before", async () => {
    const engine = await startEngine();
    const job = await engine.enqueue("echo", 1, { delay: 40 });
    await job.result();
    const info = await job.info();
    expect(info?.startedAt).toBeGreaterThanOrEqual((info?.createdAt ?? NaN) + 40);
  });

  it("mean now when they lie in the past", async () => {
    const engine = await startEngine();
    expect(await engine.run("echo", 1, { runAt: new Date(0) })).toBe(1);
    expect(await engine.run("echo", 2, { runAt: -5 })).toBe(2);
    expect(await engine.run("echo", 3, { delay: 0 })).toBe(3);
  });
});

describe("priority", () => {
  it("runs lower numbers first, then by runAt, then by order of enqueue", async () => {
    const engine = await startEngine();
    const now = Date.now();
    const options: EnqueueOptions[] = [{ priority: 1 }, {}, { priority: -0.5 }, { runAt: now - 5_000 }, { priority: 1 }, { runAt: now - 9_000 }, { priority: -1e9 }];
    const order = await orderOfStarts(engine, () => Promise.all(options.map((option) => engine.enqueue("echo", null, option))));
    expect(order).toEqual([6, 2, 5, 3, 1, 0, 4]);
    expect((await engine.list()).jobs.map(({ priority }) => priority)).toEqual([1, 0, -0.5, 0, 1, 0, -1e9]);
  });
});

describe("maxRetries and backoff", () => {
  it("win over the definition", async () => {
    const engine = await startEngine();
    expect(await engine.run(whoami, null)).toMatchObject({ maxRetries: 2, attempt: 1 });
    expect(await engine.run(whoami, null, { maxRetries: Infinity })).toMatchObject({ maxRetries: Infinity });
    expect(await engine.run("whoami", null)).toMatchObject({ maxRetries: 5 });
    expect(await engine.run(failing, 3, { backoff: linear(0) })).toBe(4);
    await expect(engine.run(failing, 2, { backoff: linear(0), maxRetries: 1 })).rejects.toMatchObject({ runs: 2 });
  });

  it("is the definition's backoff where none is given", async () => {
    const engine = await startEngine();
    const job = await engine.enqueue(failing, 1);
    const { runAt } = await nextEvent(engine, "retrying");
    expect(runAt).toBeGreaterThanOrEqual(((await job.info())?.createdAt ?? NaN) + 3_600_000);
    const exponentially = await engine.enqueue(failing, 1, { backoff: exponential({ base: 60, jitter: 0 }) });
    const retrying = await nextEvent(engine, "retrying", ({ id }) => id === exponentially.id);
    expect(retrying.runAt).toBeGreaterThanOrEqual(((await exponentially.info())?.createdAt ?? NaN) + 60_000);
  });
});

describe("timeout", () => {
  it("bounds one run from its start, and wins over the definition and the queue", async () => {
    const engine = await startEngine({ queues: { default: { threads: 1, timeout: "1h" } } });
    const wait = defineJob<string>({ name: "wait", timeout: "1h" });
    const error = await rejection(engine.run(wait, newGate(), { timeout: 30, maxRetries: 0 }));
    expect(error).toBeInstanceOf(JobTimeoutError);
    expect(error).toMatchObject({ code: "MILLRACE_JOB_TIMEOUT", runs: 1, message: expect.stringContaining("30 ms") as string });
  });

  it("is the queue's for jobs that have none", async () => {
    const engine = await startEngine({ queues: { default: { threads: 1, timeout: 30 } } });
    await expect(engine.run("wait", newGate(), { maxRetries: 0 })).rejects.toBeInstanceOf(JobTimeoutError);
    await expect(engine.run(defineJob({ name: "spin", timeout: 20 }), newGate(), { maxRetries: 0 })).rejects.toThrow("20 ms");
  });
});

describe("unique", () => {
  it("stores nothing while an unfinished job of that name holds the key, and gives its handle", async () => {
    const engine = await startEngine();
    const gate = newGate();
    const first = await engine.enqueue("wait", gate, { unique: "a" });
    await said(engine, first.id, "waiting");
    const second = await engine.enqueue("wait", "another", { unique: "a" });
    const third = await engine.enqueue("wait", "another", { unique: { key: "a" } });
    expect([first.duplicate, second.duplicate, third.duplicate]).toEqual([false, true, true]);
    expect([second.id, third.id]).toEqual([first.id, first.id]);
    expect((await engine.list()).jobs).toHaveLength(1);
    open(gate);
    expect(await second.result()).toBe(await first.result());
    expect((await engine.enqueue("echo", 1, { unique: "a" })).duplicate).toBe(false);
  });

  it("has the job's name and the key as its scope, whatever the queue", async () => {
    const engine = await startEngine({ queues: { default: { threads: 0 } } });
    const first = await engine.enqueue("echo", 1, { unique: "a" });
    expect((await engine.enqueue("echo", 1, { unique: "b" })).duplicate).toBe(false);
    expect((await engine.enqueue("whoami", 1, { unique: "a" })).duplicate).toBe(false);
    expect((await engine.enqueue("echo", 1)).duplicate).toBe(false);
    expect(await engine.enqueue("echo", 1, { unique: "a", queue: "other" })).toMatchObject({ duplicate: true, id: first.id });
  });

  it("until started frees the key when the run starts", async () => {
    const engine = await startEngine();
    const gate = newGate();
    await engine.pause("default");
    const unique = { key: "a", until: "started" } as const;
    const first = await engine.enqueue("wait", gate, { unique });
    expect((await engine.enqueue("wait", gate, { unique })).duplicate).toBe(true);
    const waiting = said(engine, first.id, "waiting");
    await engine.resume("default");
    await waiting;
    const second = await engine.enqueue("wait", gate, { unique });
    expect(second).toMatchObject({ duplicate: false });
    await second.cancel();
    open(gate);
    await first.result();
  });
});

describe("meta", () => {
  it("is visible in info, list, events and ctx", async () => {
    const engine = await startEngine();
    const meta = { tenant: "t1", trace: "00-ab" };
    const events = Promise.all((["enqueued", "started", "completed"] as const).map((name) => nextEvent(engine, name)));
    const job = await engine.enqueue(whoami, null, { meta });
    expect((await job.result()).meta).toEqual(meta);
    expect((await job.info())?.meta).toEqual(meta);
    expect((await engine.list()).jobs[0]?.meta).toEqual(meta);
    expect((await events).map((event) => event.meta)).toEqual([meta, meta, meta]);
  });

  it("is not the caller's object", async () => {
    const engine = await startEngine();
    const meta = { tenant: "t1" };
    const job = await engine.enqueue("echo", null, { meta, delay: "1h" });
    meta.tenant = "changed";
    expect((await job.info())?.meta).toEqual({ tenant: "t1" });
  });
});
