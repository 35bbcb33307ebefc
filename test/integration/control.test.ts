/** Pausing, removing, listing, counting. */

import { memoryStorage, OptionsError, UnknownJobError } from "millrace";
import { linear } from "millrace/jobs";
import { describe, expect, it } from "vitest";
import { newEngine, nextEvent, rejection, said, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";

describe("pause", () => {
  it("starts no job of the queue until resume, while those that run go on and others are not touched", async () => {
    const engine = await startEngine({ queues: { default: { threads: 1 }, other: { threads: 1 } } });
    const gate = newGate();
    const running = await engine.enqueue("wait", gate);
    await said(engine, running.id, "waiting");
    await engine.pause("default");
    await engine.pause("default");
    const waiting = await engine.enqueue("echo", 1);
    expect(await engine.run("echo", 2, { queue: "other" })).toBe(2);
    open(gate);
    await running.result();
    const { queues } = await engine.stats();
    expect(queues["default"]).toMatchObject({ paused: true, waiting: 1, completed: 1 });
    expect(queues["other"]?.paused).toBe(false);
    await engine.resume("default");
    expect(await waiting.result()).toBe(1);
    expect((await engine.stats()).queues["default"]?.paused).toBe(false);
    await engine.resume("never paused");
  });

  it("holds for retries, and across engines of one storage", async () => {
    const storage = memoryStorage();
    const client = newEngine({ storage });
    await client.pause("default");
    const job = await client.enqueue("echo", 1);
    const engine = await startEngine({ storage });
    await engine.drain();
    expect((await job.info())?.state).toBe("waiting");
    await client.resume("default");
    expect(await job.result()).toBe(1);
  });
});

describe("remove", () => {
  it("deletes jobs that do not run, in any state", async () => {
    const engine = await startEngine();
    const retrying = await engine.enqueue("failing", 1, { backoff: linear("1h") });
    await nextEvent(engine, "retrying");
    const completed = await engine.enqueue("echo", 1);
    await completed.result();
    await engine.pause("default");
    const waiting = await engine.enqueue("echo", 1);
    const scheduled = await engine.enqueue("echo", 1, { delay: "1h" });
    const awaited = rejection(waiting.result());
    for (const { id } of [retrying, completed, waiting, scheduled]) {
      await engine.remove(id);
      expect(await engine.info(id)).toBeUndefined();
      await expect(engine.remove(id)).rejects.toBeInstanceOf(UnknownJobError);
    }
    expect(await awaited).toBeInstanceOf(UnknownJobError);
    await engine.resume("default");
    await engine.drain();
    expect((await engine.list()).jobs).toEqual([]);
  });

  it("refuses jobs that run", async () => {
    const engine = await startEngine();
    const gate = newGate();
    const job = await engine.enqueue("wait", gate);
    await said(engine, job.id, "waiting");
    const error = await rejection(engine.remove(job.id));
    expect(error).toBeInstanceOf(OptionsError);
    expect((error as Error).message).toMatch(/running.*cancel/);
    open(gate);
    await job.result();
    await engine.remove(job.id);
  });
});

describe("list", () => {
  it("gives jobs in order of enqueue, by state, queue and name, a page at a time", async () => {
    const engine = await startEngine();
    await engine.enqueueMany("echo", [1, 2, 3]);
    await engine.drain();
    await engine.pause("default");
    const more = await Promise.all([
      engine.enqueue("echo", 4),
      engine.enqueue("whoami", 5, { queue: "paused too" }),
      engine.enqueue("echo", 6, { delay: "1h" }),
      engine.enqueue("whoami", 7),
    ]);
    const { jobs, next } = await engine.list();
    expect(jobs.map(({ state }) => state)).toEqual(["completed", "completed", "completed", "waiting", expect.any(String), "scheduled", "waiting"]);
    expect(next).toBeNull();
    const ids = jobs.map(({ id }) => id);
    expect(ids.slice(3)).toEqual(more.map(({ id }) => id));
    const idsOf = async (options: object): Promise<number[]> => (await engine.list(options)).jobs.map(({ id }) => ids.indexOf(id));
    expect(await idsOf({ state: "completed" })).toEqual([0, 1, 2]);
    expect(await idsOf({ state: "running" })).toEqual([]);
    expect(await idsOf({ queue: "paused too" })).toEqual([4]);
    expect(await idsOf({ name: "whoami", queue: "default" })).toEqual([6]);
    expect(await idsOf({ name: "nobody" })).toEqual([]);
    const pages: number[][] = [];
    let after: string | null = "0";
    while (after !== null) {
      const page = await engine.list({ limit: 3, after });
      pages.push(page.jobs.map(({ id }) => ids.indexOf(id)));
      after = page.next;
    }
    expect(pages).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect((await engine.list({ limit: 7 })).next).toBeNull();
    expect(jobs[3]).toEqual(await more[0].info());
  });

  it("gives 100 unless told, and 1,000 at most", async () => {
    const engine = newEngine();
    await engine.enqueueMany("echo", Array.from({ length: 1_200 }, (_, n) => n));
    expect((await engine.list()).jobs).toHaveLength(100);
    expect((await engine.list({ limit: 5_000 })).jobs).toHaveLength(1_000);
    expect((await engine.list({ limit: 1 })).jobs).toHaveLength(1);
  });
});

describe("stats", () => {
  it("has exactly the shape of product.md", async () => {
    const engine = await startEngine({ queues: { default: { threads: 1 }, idle: { threads: 1 } } });
    const failed = await engine.enqueue("failing", 1, { backoff: linear("1h") });
    await nextEvent(engine, "retrying");
    await engine.run("echo", 1);
    await engine.run("hopeless", "no").catch(() => undefined);
    await engine.run("hopeless", "no").catch(() => undefined);
    const scheduled = await engine.enqueue("echo", 1, { delay: "1h" });
    await (await engine.enqueue("echo", 1, { delay: "1h" })).cancel();
    const gate = newGate();
    const running = await engine.enqueue("wait", gate);
    await said(engine, running.id, "waiting");
    await engine.enqueue("echo", 1);
    expect(await engine.stats()).toEqual({
      queues: {
        default: {
          ...{ scheduled: 1, waiting: 1, running: 1, retrying: 1, completed: 1, dead: 2, cancelled: 1 },
          ...{ threads: 1, paused: false, healthy: true, problem: null, leakedThreads: 0 },
          totals: { enqueued: 8, completed: 1, dead: 2, cancelled: 1 },
        },
        idle: {
          ...{ scheduled: 0, waiting: 0, running: 0, retrying: 0, completed: 0, dead: 0, cancelled: 0 },
          ...{ threads: 1, paused: false, healthy: true, problem: null, leakedThreads: 0 },
          totals: { enqueued: 0, completed: 0, dead: 0, cancelled: 0 },
        },
      },
    });
    open(gate);
    await running.result();
    for (const { id } of [failed, scheduled]) await engine.remove(id);
    const { queues } = await engine.stats();
    expect(queues["default"]).toMatchObject({ scheduled: 0, retrying: 0, totals: { enqueued: 8 } });
  });

  it("counts finished jobs that are kept, and in totals all there ever were", async () => {
    const engine = await startEngine({ retention: { completed: { age: 0 } } });
    await engine.run("echo", 1);
    await engine.run("echo", 2);
    for (const { id } of (await engine.list()).jobs) await engine.remove(id);
    expect((await engine.stats()).queues["default"]).toMatchObject({ completed: 0, totals: { enqueued: 2, completed: 2 } });
  });

  it("lets a queue be named like anything", async () => {
    const engine = newEngine();
    for (const queue of ["__proto__", "constructor", "a.b", "ü"]) await engine.enqueue("echo", 1, { queue });
    const { queues } = await engine.stats();
    expect(Object.keys(queues).toSorted()).toEqual(["__proto__", "a.b", "constructor", "default", "ü"]);
    expect(Object.values(queues).filter(({ waiting }) => waiting === 1)).toHaveLength(4);
  });
});
