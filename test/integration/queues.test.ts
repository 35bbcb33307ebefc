/** Queues, their threads, and how many jobs run at once. */

import { availableParallelism } from "node:os";
import { defineJob } from "millrace/jobs";
import { describe, expect, it, onTestFinished } from "vitest";
import { newEngine, nextEvent, said, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";

const wait = defineJob<string, number>({ name: "wait" });
const spin = defineJob<string, number>({ name: "spin" });

describe("two queues", () => {
  it("never share threads", async () => {
    const engine = await startEngine({ queues: { one: { threads: 2 }, two: { threads: 2 } } });
    const gate = newGate();
    const handles = await Promise.all(["one", "one", "two", "two"].map((queue) => engine.enqueue(wait, gate, { queue })));
    await Promise.all(handles.map(({ id }) => said(engine, id, "waiting")));
    open(gate);
    const [a, b, c, d] = await Promise.all(handles.map((job) => job.result()));
    expect(new Set([a, b, c, d]).size).toBe(4);
    const whoami = defineJob<null, { threadId: number }>({ name: "whoami" });
    const ran = await Promise.all(
      Array.from({ length: 40 }, (_, n) => engine.run(whoami, null, { queue: n % 2 === 0 ? "one" : "two" }).then(({ threadId }) => ({ n, threadId }))),
    );
    for (const { n, threadId } of ran) expect(n % 2 === 0 ? [a, b] : [c, d]).toContain(threadId);
  });

  it("leave each other alone when one of them is saturated", async () => {
    const engine = await startEngine({ queues: { busy: { threads: 1 }, free: { threads: 1 } } });
    const gate = newGate();
    const busy = await engine.enqueue(spin, gate, { queue: "busy" });
    await said(engine, busy.id, "spinning");
    const behind = await engine.enqueueMany("echo", Array.from({ length: 200 }, (_, n) => n), { queue: "busy" });
    const free = await Promise.all(Array.from({ length: 50 }, (_, n) => engine.run("echo", n, { queue: "free" })));
    expect(free).toHaveLength(50);
    await engine.drain({ queues: ["free"] });
    const { queues } = await engine.stats();
    expect([queues["busy"]?.completed, queues["busy"]?.waiting, queues["free"]?.completed]).toEqual([0, 200, 50]);
    open(gate);
    await Promise.all(behind.map((job) => job.result()));
  });
});

describe("concurrency", () => {
  it("is how many jobs a thread runs at once", async () => {
    const engine = await startEngine({ queues: { default: { threads: 1, concurrency: 3 } } });
    const gates = [1, 2, 3, 4, 5].map(() => newGate());
    const waiting: string[] = [];
    const three = new Promise<void>((resolve) => engine.on("log", ({ id }) => void (waiting.push(id) === 3 && resolve())));
    const handles = await Promise.all(gates.map((gate) => engine.enqueue(wait, gate)));
    await three;
    expect((await engine.stats()).queues["default"]).toMatchObject({ running: 3, waiting: 2 });
    const fourth = nextEvent(engine, "log");
    open(gates[1]!);
    await handles[1]?.result();
    expect((await fourth).id).toBe(handles[3]?.id);
    const fifth = nextEvent(engine, "log");
    open(gates[0]!);
    await fifth;
    expect(waiting).toEqual(handles.map(({ id }) => id));
    gates.forEach(open);
    await Promise.all(handles.map((job) => job.result()));
  });

  it("is 1 by default: jobs on one thread never overlap", async () => {
    const engine = await startEngine();
    const gate = newGate();
    // Listens first: the job may speak as soon as it is enqueued.
    const firstWaits = nextEvent(engine, "log", ({ message }) => message === "waiting");
    const first = await engine.enqueue(wait, gate);
    const second = await engine.enqueue(wait, gate);
    expect((await firstWaits).id).toBe(first.id);
    expect((await second.info())?.state).toBe("waiting");
    const secondWaits = said(engine, second.id, "waiting");
    open(gate);
    await first.result();
    await secondWaits;
    open(gate);
    await second.result();
  });
});

describe("threads", () => {
  it("all work at once", async () => {
    const engine = await startEngine({ queues: { default: { threads: 3 } } });
    const gate = newGate();
    const handles = await Promise.all([1, 2, 3].map(() => engine.enqueue(spin, gate)));
    await Promise.all(handles.map(({ id }) => said(engine, id, "spinning")));
    open(gate);
    expect(new Set(await Promise.all(handles.map((job) => job.result()))).size).toBe(3);
  });

  it("are one per core but one, at least one, for default unless configured", async () => {
    const engine = newEngine({ queues: undefined } as never);
    const expected = Math.max(1, availableParallelism() - 1);
    let ready = 0;
    const all = new Promise<void>((resolve) => engine.on("thread:started", () => void ((ready += 1) === expected && resolve())));
    await engine.start();
    await all;
    expect((await engine.stats()).queues["default"]).toMatchObject({ threads: expected, healthy: true });
  });

  it("of every configured queue are there when start resolves, at least one each", async () => {
    const engine = await startEngine({ queues: { one: { threads: 1 }, two: { threads: 2 }, none: { threads: 0 } } });
    const { queues } = await engine.stats();
    expect(queues["one"]?.threads).toBe(1);
    expect(queues["two"]?.threads).toBeGreaterThanOrEqual(1);
    expect(queues["none"]).toMatchObject({ threads: 0, healthy: true });
  });

  it("come one at a time for queues that are not configured, when their first job comes", async () => {
    const engine = await startEngine();
    expect(Object.keys((await engine.stats()).queues)).toEqual(["default"]);
    expect(await Promise.all([1, 2, 3].map((n) => engine.run("echo", n, { queue: "other" })))).toEqual([1, 2, 3]);
    expect((await engine.stats()).queues["other"]).toMatchObject({ threads: 1, completed: 3 });
  });

  it("may be none: the jobs wait", async () => {
    const engine = await startEngine({ queues: { default: { threads: 0 }, other: { threads: 1 } } });
    const job = await engine.enqueue("echo", 1);
    expect(await engine.run("echo", 2, { queue: "other" })).toBe(2);
    expect(await job.info()).toMatchObject({ state: "waiting", attempt: 0 });
    await engine.drain();
    expect(await engine.stop()).toEqual({ completed: 0, returned: 1 });
  });

  it("that outnumber the cores are one warning", async () => {
    const warnings: string[] = [];
    const onWarning = ({ message }: Error): void => void warnings.push(message);
    process.on("warning", onWarning);
    onTestFinished(() => void process.off("warning", onWarning));
    const cores = availableParallelism();
    const engine = newEngine({ queues: { one: { threads: cores }, two: { threads: 1 } } });
    await engine.start();
    await engine.run("echo", 1, { queue: "two" });
    expect(warnings).toEqual([expect.stringContaining(`${cores + 1} threads`)]);
    const modest = newEngine({ queues: { one: { threads: cores } } });
    await modest.start();
    await modest.stop();
    expect(warnings).toHaveLength(1);
  });
});
