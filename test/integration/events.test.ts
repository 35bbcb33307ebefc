/** Each event and its fields. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine, EngineEvents } from "millrace";
import { linear } from "millrace/jobs";
import { describe, expect, it, onTestFinished } from "vitest";
import { jobsModule, newEngine, nextEvent, said, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";

const NAMES = ["enqueued", "started", "progress", "completed", "retrying", "dead", "cancelled", "rescued", "log"] as const;
type Told = readonly [name: string, event: unknown];

/** All events about jobs from now on. */
function record(engine: Engine, names: readonly (keyof EngineEvents)[] = NAMES): Told[] {
  const told: Told[] = [];
  for (const name of names) engine.on(name, (event) => told.push([name, event]));
  return told;
}

const number = expect.any(Number) as number;
const meta = { tenant: "t" };

describe("the events of a job", () => {
  it("that succeeds: enqueued, started, progress, completed, in this order", async () => {
    const engine = await startEngine();
    const told = record(engine);
    const job = await engine.enqueue("report", [[0.5, "half"]], { meta });
    await job.result();
    const common = { id: job.id, name: "report", queue: "default", meta };
    expect(told).toEqual([
      ["enqueued", { ...common, runAt: number }],
      ["started", { ...common, attempt: 1 }],
      ["progress", { ...common, attempt: 1, fraction: 0.5, detail: "half" }],
      ["completed", { ...common, attempt: 1, tookMs: number }],
    ]);
    expect((told[3]?.[1] as { tookMs: number }).tookMs).toBeGreaterThanOrEqual(0);
  });

  it("that fails: retrying with the error and the time of the next run, at last dead", async () => {
    const engine = await startEngine();
    const told = record(engine);
    const job = await engine.enqueue("failing", 9, { meta, maxRetries: 1, backoff: linear(1) });
    await job.result().catch(() => undefined);
    const common = { id: job.id, name: "failing", queue: "default", meta };
    const error = (run: number): object => ({ name: "RangeError", message: `run ${run} failed`, stack: expect.any(String) as string, code: null });
    expect(told).toEqual([
      ["enqueued", { ...common, runAt: number }],
      ["started", { ...common, attempt: 1 }],
      ["retrying", { ...common, attempt: 1, error: error(1), runAt: number }],
      ["started", { ...common, attempt: 2 }],
      ["dead", { ...common, attempt: 2, error: error(2) }],
    ]);
  });

  it("that is cancelled: cancelled, once", async () => {
    const engine = await startEngine();
    const told = record(engine, ["cancelled", "completed", "dead"]);
    const waiting = await engine.enqueue("echo", 1, { delay: "1h", meta });
    await waiting.cancel();
    const running = await engine.enqueue("wait", newGate(), { meta });
    await said(engine, running.id, "waiting");
    await running.cancel();
    await running.result().catch(() => undefined);
    const common = { queue: "default", meta };
    expect(told).toEqual([
      ["cancelled", { ...common, id: waiting.id, name: "echo", attempt: 0 }],
      ["cancelled", { ...common, id: running.id, name: "wait", attempt: 1 }],
    ]);
  });

  it("that is a duplicate: none", async () => {
    const engine = await startEngine();
    await engine.enqueue("echo", 1, { unique: "a", delay: "1h" });
    const told = record(engine);
    await engine.enqueue("echo", 1, { unique: "a" });
    await engine.drain();
    expect(told).toEqual([]);
  });

  it("that logs: log, with level, message and fields", async () => {
    const engine = await startEngine({ jobs: jobsModule("logging.js") });
    const told = record(engine, ["log"]);
    const job = await engine.enqueue("logging", null, { meta });
    await job.result();
    const common = { id: job.id, name: "logging", queue: "default", meta, attempt: 1 };
    expect(told.map(([, event]) => event)).toEqual([
      { ...common, level: "debug", message: "d", fields: {} },
      { ...common, level: "info", message: "i", fields: { n: 1, list: new Set([1]) } },
      { ...common, level: "warn", message: "w", fields: {} },
      // What cannot be cloned is left out, the words arrive.
      { ...common, level: "error", message: "e", fields: {} },
    ]);
  });

  it("whose thread had to be ended because of another one: rescued, and it runs again without paying", async () => {
    const engine = await startEngine({ queues: { default: { threads: 1, concurrency: 2 } }, grace: 10 });
    const told = record(engine, ["rescued", "dead"]);
    const gate = newGate();
    const bystander = await engine.enqueue("wait", gate, { meta, maxRetries: 0 });
    await said(engine, bystander.id, "waiting");
    const culprit = await engine.enqueue("forever", null, { timeout: 20, maxRetries: 0 });
    await expect(culprit.result()).rejects.toMatchObject({ code: "MILLRACE_JOB_TIMEOUT" });
    await said(engine, bystander.id, "waiting");
    open(gate);
    await bystander.result();
    expect(await bystander.info()).toMatchObject({ attempt: 1, state: "completed" });
    // On a busy machine nobody can tell at first which of them it was.
    const once = told.filter(([name, event]) => name === "dead" || (event as { readonly id: string }).id === bystander.id);
    expect(once.toSorted(([a], [b]) => (a < b ? -1 : 1))).toMatchObject([
      ["dead", { id: culprit.id, error: { message: expect.stringContaining("20 ms") as string } }],
      ["rescued", { id: bystander.id, name: "wait", queue: "default", meta, attempt: 0 }],
    ]);
  });

  it("in a burst: progress is told now and then, not a thousand times", async () => {
    const engine = await startEngine();
    const told = record(engine, ["progress"]);
    const started = performance.now();
    await engine.run("report", Array.from({ length: 1_000 }, (_, n) => [n / 1_000, `step ${n}`]));
    expect(told.length).toBeGreaterThanOrEqual(1);
    // The first, one each 50 ms, and the last.
    expect(told.length).toBeLessThanOrEqual((performance.now() - started) / 50 + 2);
    expect(told.at(-1)).toMatchObject(["progress", { fraction: 0.999, detail: "step 999" }]);
  });
});

describe("the events of threads", () => {
  it("thread:started and thread:exited", async () => {
    const engine = newEngine({ queues: { images: { threads: 1 } } });
    const told = record(engine, ["thread:started", "thread:exited"]);
    await engine.start();
    const replaced = nextEvent(engine, "thread:started");
    const { id } = await engine.enqueue("exit", 5, { queue: "images", maxRetries: 0 });
    await replaced;
    await engine.stop();
    const charged = [{ id, name: "exit", attempt: 1, ranMs: expect.any(Number) as number, progress: null, log: [] }];
    const blame = { error: null, stuckAt: null, charged: [], suspects: [], returned: [] };
    expect(told).toEqual([
      ["thread:started", { queue: "images", thread: 0 }],
      ["thread:exited", { queue: "images", thread: 0, ...blame, reason: "exit", exitCode: 5, charged, report: expect.stringContaining(id) as string }],
      ["thread:started", { queue: "images", thread: 0 }],
      ["thread:exited", { queue: "images", thread: 0, ...blame, reason: "retired", exitCode: 0, report: 'thread 0 of queue "images" was ended' }],
    ]);
  });

  it("unhealthy, when a queue gets no thread any more, until it gets one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const engine = await startEngine({ jobs: jobsModule("moody.js"), env: { MOOD: join(folder, "mood") } });
    expect((await engine.stats()).queues["default"]).toMatchObject({ threads: 1, healthy: true });
    const unhealthy = nextEvent(engine, "unhealthy");
    const job = await engine.enqueue("break for once", null, { maxRetries: 0 });
    await expect(job.result()).rejects.toMatchObject({ code: "MILLRACE_THREAD_EXITED" });
    const { queue, error } = await unhealthy;
    expect(queue).toBe("default");
    expect(error).toMatchObject({ code: "MILLRACE_JOBS_MODULE", message: expect.stringContaining("not in the mood") as string });
    expect((await engine.stats()).queues["default"]).toMatchObject({ threads: 0, healthy: false });
    await nextEvent(engine, "thread:started");
    expect((await engine.stats()).queues["default"]).toMatchObject({ threads: 1, healthy: true });
    expect(await engine.run("hello", null)).toBe("hello");
  });
});

describe("on", () => {
  it("calls listeners in the order they were added, until they are removed", async () => {
    const engine = await startEngine();
    const calls: string[] = [];
    const off = engine.on("completed", () => calls.push("first"));
    engine.on("completed", () => calls.push("second"));
    await engine.run("echo", 1);
    off();
    off();
    await engine.run("echo", 2);
    expect(calls).toEqual(["first", "second", "second"]);
  });

  it("may be called before start", async () => {
    const engine = newEngine();
    const started = nextEvent(engine, "thread:started");
    await engine.start();
    expect(await started).toEqual({ queue: "default", thread: 0 });
  });
});
