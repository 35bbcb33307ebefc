/** Stopping: always to an end, nothing lost, and what comes after it. */

import { type Engine, EngineStoppedError, memoryStorage } from "millrace";
import { linear } from "millrace/jobs";
import { describe, expect, it } from "vitest";
import { jobsModule, newEngine, nextEvent, rejection, said, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";
import { runProcess } from "./processes.js";

describe("stop", () => {
  it("lets what runs finish, gives the rest back and counts both", async () => {
    const storage = memoryStorage();
    await storage.open();
    const engine = await startEngine({ storage });
    const failed = await engine.enqueue("failing", 1, { backoff: linear("1h") });
    await nextEvent(engine, "retrying");
    const gate = newGate();
    const running = await engine.enqueue("wait", gate);
    await said(engine, running.id, "waiting");
    const waiting = await engine.enqueueMany("echo", [1, 2, 3]);
    const scheduled = await engine.enqueue("echo", 4, { delay: "1h" });
    const started: string[] = [];
    engine.on("started", ({ id }) => started.push(id));
    const stopped = engine.stop();
    open(gate);
    // One finished, three wait and one is to be retried; the scheduled one does not count.
    expect(await stopped).toEqual({ completed: 1, returned: 4 });
    expect(await running.result()).toBeTypeOf("number");
    expect(started).toEqual([]);
    const next = await startEngine({ storage });
    const states = (await next.list()).jobs.map(({ state, attempt }) => [state, attempt]);
    expect(states[0]).toEqual(["retrying", 1]);
    expect(states[1]).toEqual(["completed", 1]);
    expect(await Promise.all(waiting.map(({ id }) => next.job(id).result()))).toEqual([1, 2, 3]);
    expect((await next.info(scheduled.id))?.state).toBe("scheduled");
    expect(await (await next.retry(failed.id)).info()).toMatchObject({ id: failed.id });
  });

  it("gives back, uncharged, what goes on after the timeout", async () => {
    const storage = memoryStorage();
    await storage.open();
    const engine = await startEngine({ storage, queues: { default: { threads: 2 } } });
    let lines = 0;
    const bothSpoke = nextEvent(engine, "log", () => (lines += 1) === 2);
    const busy = await engine.enqueue("forever", null);
    await engine.enqueue("wait", newGate());
    await bothSpoke;
    const error = rejection(busy.result());
    expect(await engine.stop({ timeout: 20 })).toEqual({ completed: 0, returned: 2 });
    expect(await error).toBeInstanceOf(EngineStoppedError);
    const client = newEngine({ storage });
    expect((await client.list()).jobs).toMatchObject([
      { state: "waiting", attempt: 0, startedAt: null, error: null },
      { state: "waiting", attempt: 0 },
    ]);
  });

  it("counts what failed for good as finished, and what is to be retried as returned", async () => {
    const engine = await startEngine({ queues: { default: { threads: 2 } }, jobs: jobsModule("stopping.js") });
    const gate = newGate();
    let lines = 0;
    const bothSpoke = nextEvent(engine, "log", () => (lines += 1) === 2);
    const jobs = [await engine.enqueue("fail later", gate, { maxRetries: 0 }), await engine.enqueue("fail later", gate)];
    await bothSpoke;
    const stopped = engine.stop();
    open(gate);
    expect(await stopped).toEqual({ completed: 1, returned: 1 });
    await expect(jobs[0]?.result()).rejects.toMatchObject({ code: "MILLRACE_JOB_FAILED" });
    await expect(jobs[1]?.result()).rejects.toBeInstanceOf(EngineStoppedError);
  });

  it("keeps what jobs enqueue while they finish", async () => {
    const storage = memoryStorage();
    await storage.open();
    const engine = await startEngine({ storage, jobs: jobsModule("stopping.js") });
    const gate = newGate();
    const job = await engine.enqueue("enqueue later", gate);
    await said(engine, job.id, "waiting");
    const stopped = engine.stop();
    open(gate);
    expect(await stopped).toEqual({ completed: 1, returned: 1 });
    expect(await newEngine({ storage }).list({ state: "waiting" })).toMatchObject({ jobs: [{ name: "echo" }] });
  });

  it("is idempotent, whatever the timeouts and the number of calls", async () => {
    const engine = await startEngine();
    const gate = newGate();
    const job = await engine.enqueue("wait", gate);
    await said(engine, job.id, "waiting");
    const calls = [engine.stop(), engine.stop({ timeout: 0 }), engine[Symbol.asyncDispose]()];
    open(gate);
    expect(await Promise.all(calls)).toEqual([{ completed: 1, returned: 0 }, { completed: 1, returned: 0 }, undefined]);
    expect(await engine.stop({ timeout: "1h" })).toEqual({ completed: 1, returned: 0 });
  });

  it("returns for engines that were never started, failed to start, or are just starting", async () => {
    expect(await newEngine().stop()).toEqual({ completed: 0, returned: 0 });
    const broken = newEngine({ jobs: jobsModule("nowhere.js") });
    await broken.start().catch(() => undefined);
    expect(await broken.stop()).toEqual({ completed: 0, returned: 0 });
    const starting = newEngine();
    const start = rejection(starting.start());
    expect(await starting.stop()).toEqual({ completed: 0, returned: 0 });
    expect(await start).toBeInstanceOf(EngineStoppedError);
    const client = newEngine();
    await client.enqueue("echo", 1);
    expect(await client.stop()).toEqual({ completed: 0, returned: 0 });
  });

  it("with [Symbol.asyncDispose], as `await using` calls it", async () => {
    const engine = await startEngine();
    expect(await engine.run("echo", 1)).toBe(1);
    await engine[Symbol.asyncDispose]();
    await expect(engine.enqueue("echo", 1)).rejects.toBeInstanceOf(EngineStoppedError);
  });

  it("returns when a job blocks its thread and jobs wait behind it in the same frame", async () => {
    const storage = memoryStorage();
    await storage.open();
    const engine = await startEngine({ storage, queues: { default: { threads: 1, concurrency: 4 } } });
    await engine.pause("default");
    await engine.enqueue("forever", null);
    await engine.enqueueMany("echo", [1, 2, 3]);
    const spinning = nextEvent(engine, "log");
    await engine.resume("default");
    await spinning;
    expect(await engine.stop({ timeout: 50 })).toEqual({ completed: 0, returned: 4 });
    const attempts = (await newEngine({ storage }).list()).jobs.map(({ attempt }) => attempt);
    expect(attempts).toEqual([0, 0, 0, 0]);
  });
});

describe("after stop", () => {
  const calls: Record<string, (engine: Engine) => Promise<unknown>> = {
    start: (engine) => engine.start(),
    enqueue: (engine) => engine.enqueue("echo", 1),
    enqueueMany: (engine) => engine.enqueueMany("echo", [1]),
    run: (engine) => engine.run("echo", 1),
    every: (engine) => engine.every("1s", "echo", 1),
    schedules: (engine) => engine.schedules(),
    info: (engine) => engine.info("a"),
    list: (engine) => engine.list(),
    stats: (engine) => engine.stats(),
    cancel: (engine) => engine.cancel("a"),
    retry: (engine) => engine.retry("a"),
    remove: (engine) => engine.remove("a"),
    pause: (engine) => engine.pause("a"),
    resume: (engine) => engine.resume("a"),
    drain: (engine) => engine.drain(),
    "job().result": (engine) => engine.job("a").result(),
    "job().info": (engine) => engine.job("a").info(),
    "job().cancel": (engine) => engine.job("a").cancel(),
  };
  it.each(Object.keys(calls))("%s rejects", async (name) => {
    const engine = newEngine();
    const stopped = engine.stop();
    const during = await rejection(calls[name]!(engine));
    await stopped;
    for (const error of [during, await rejection(calls[name]!(engine))]) {
      expect(error).toBeInstanceOf(EngineStoppedError);
      expect(error).toMatchObject({ code: "MILLRACE_ENGINE_STOPPED" });
    }
  });

  it("results that are still awaited reject, those that came are kept", async () => {
    const engine = await startEngine();
    const done = await engine.enqueue("echo", 1);
    await done.result();
    const unasked = await engine.enqueue("echo", 2);
    await engine.drain();
    const scheduled = await engine.enqueue("echo", 1, { delay: "1h" });
    const awaited = rejection(scheduled.result());
    await engine.stop();
    expect(await awaited).toBeInstanceOf(EngineStoppedError);
    await expect(scheduled.result()).rejects.toBeInstanceOf(EngineStoppedError);
    expect(await done.result()).toBe(1);
    expect(await unasked.result()).toBe(2);
  });

  it("enqueueMany that is half way rejects, and what it has stored is stored", async () => {
    const storage = memoryStorage();
    await storage.open();
    const engine = newEngine({ storage });
    async function* payloads(): AsyncIterable<number> {
      for (let n = 0; n < 5_000; n += 1) {
        if (n === 3_000) await engine.stop();
        yield n;
      }
    }
    await expect(engine.enqueueMany("echo", payloads())).rejects.toBeInstanceOf(EngineStoppedError);
    const { queues } = await newEngine({ storage }).stats();
    expect(queues["default"]?.waiting).toBeGreaterThanOrEqual(1_000);
    expect(queues["default"]?.waiting).toBeLessThanOrEqual(3_001);
  });

  it("enqueue that came just before is stored or rejected, never left alone", async () => {
    const storage = memoryStorage();
    await storage.open();
    const engine = await startEngine({ storage });
    const calls = Promise.allSettled([engine.enqueue("echo", 1), engine.enqueue("echo", 2)]);
    await engine.stop();
    const stored = (await calls).filter(({ status }) => status === "fulfilled");
    const { jobs } = await newEngine({ storage }).list();
    expect(jobs).toHaveLength(stored.length);
  });

  // Node leaves the files open that a thread was about to read when it is ended.
  it.runIf(process.platform === "linux")("while threads load their modules leaves no file open", async () => {
    const { lines, errors } = await runProcess("stopped-while-starting.js");
    expect({ lines, errors }).toEqual({ lines: ["done"], errors: "" });
  });
});
