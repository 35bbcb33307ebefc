/** Queues with `maxQueued`: what is refused, what is never refused, and who hears of it. */

import { createEngine, type Engine, type EngineOptions, memoryStorage, QueueFullError } from "millrace";
import { describe, expect, it, onTestFinished } from "vitest";
import { defineJob } from "../../src/jobs.js";
import { newEngine, nextEvent, rejection, said, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";
import { countingWrites } from "./storages.js";
import { startTestEngine } from "./test-engines.js";

const LIMITED = { queues: { default: { threads: 1, maxQueued: 5 } } } as const;
const FULL = { name: "QueueFullError", code: "MILLRACE_QUEUE_FULL", queue: "default", maxQueued: 5 };

async function unfinished(engine: Engine): Promise<number> {
  const { jobs } = await engine.list({ limit: 1_000 });
  return jobs.filter(({ state }) => state === "waiting" || state === "scheduled" || state === "retrying").length;
}

function clientOf(storage: NonNullable<EngineOptions["storage"]>, options: EngineOptions = {}): Engine {
  const client = createEngine({ storage, ...options });
  onTestFinished(async () => void (await client.stop({ timeout: 0 })));
  return client;
}

describe("a full queue", () => {
  it("takes exactly as many as it may of calls that come together, and stores nothing of the others", async () => {
    const { storage, writes } = countingWrites();
    const engine = newEngine({ storage, ...LIMITED });
    const enqueued: string[] = [];
    engine.on("enqueued", ({ id }) => enqueued.push(id));
    const calls = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => engine.enqueue("echo", n)));
    expect(calls.map(({ status }) => status)).toEqual([...Array<string>(5).fill("fulfilled"), ...Array<string>(5).fill("rejected")]);
    const refused = calls.flatMap((call) => (call.status === "rejected" ? [call.reason as unknown] : []));
    for (const error of refused) {
      expect(error).toBeInstanceOf(QueueFullError);
      expect(error).toMatchObject(FULL);
      expect((error as Error).message).toBe('queue "default" is full: no more than 5 jobs of it may wait (maxQueued)');
    }
    expect((await engine.list()).jobs.map(({ id }) => id)).toEqual(enqueued);
    expect(enqueued).toHaveLength(5);
    expect(writes).toEqual([10]);
    expect((await engine.stats()).queues["default"]?.totals.enqueued).toBe(5);
  });

  it("is a matter of its own: other queues and queues without a limit go on", async () => {
    const engine = newEngine(LIMITED);
    await engine.enqueueMany("echo", [1, 2, 3, 4, 5]);
    const calls = await Promise.allSettled(["default", "other", "default", "other"].map((queue) => engine.enqueue("echo", 1, { queue })));
    expect(calls.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected", "fulfilled"]);
  });

  it("refuses run and ctx.enqueue too; the job sees the error as what it is", async () => {
    const engine = await startEngine({ queues: { default: { threads: 1 }, small: { threads: 0, maxQueued: 1 } } });
    await engine.enqueue("echo", 1, { queue: "small" });
    expect(await rejection(engine.run("echo", 1, { queue: "small" }))).toMatchObject({ ...FULL, queue: "small", maxQueued: 1 });
    const job = await engine.enqueue("enqueuing", { job: "echo", payload: 1, options: { queue: "small" } }, { maxRetries: 0 });
    expect(await rejection(job.result())).toMatchObject({ code: "MILLRACE_JOB_FAILED", cause: { ...FULL, queue: "small", maxQueued: 1 } });
    expect(await engine.run("catching", { job: "echo", payload: 1, options: { queue: "small" } })).toEqual({
      ...{ isQueueFull: true, isMaxDepth: false, isMillrace: true },
      ...{ name: "QueueFullError", code: "MILLRACE_QUEUE_FULL", queue: "small", maxQueued: 1 },
    });
  });

  it("has room again as soon as a job starts", async () => {
    const engine = await startEngine({ queues: { default: { threads: 1, maxQueued: 1 } } });
    const gate = newGate();
    const running = await engine.enqueue("wait", gate);
    await said(engine, running.id, "waiting");
    await engine.pause("default");
    const second = await engine.enqueue("echo", 2);
    expect(await rejection(engine.enqueue("echo", 3))).toBeInstanceOf(QueueFullError);
    await engine.resume("default");
    open(gate);
    await running.result();
    expect(await second.result()).toBe(2);
    expect(await engine.run("echo", 4)).toBe(4);
  });

  it("never refuses what comes back: retries, snoozes, retry by hand, and what a stop gave back", async () => {
    const storage = memoryStorage();
    const queues = { default: { threads: 1, maxQueued: 1 } };
    const engine = await startEngine({ storage, queues });
    const dead = await engine.enqueue("hopeless", "no");
    await expect(dead.result()).rejects.toThrow();
    const retrying = nextEvent(engine, "retrying");
    await engine.enqueue("failing", 1);
    await retrying;
    expect(await rejection(engine.enqueue("echo", 1))).toBeInstanceOf(QueueFullError);
    await engine.pause("default");
    await engine.retry(dead.id);
    expect(await unfinished(engine)).toBe(2);
    await engine.remove(dead.id);
    await engine.cancel((await engine.list({ state: "retrying" })).jobs[0]!.id);
    await engine.resume("default");
    const gate = newGate();
    const waiting = await engine.enqueue("wait", gate);
    await said(engine, waiting.id, "waiting");
    const filler = await engine.enqueue("echo", 1);
    await engine.stop({ timeout: 0 });
    const client = clientOf(storage, { queues });
    expect((await client.info(waiting.id))?.state).toBe("waiting");
    expect((await client.info(filler.id))?.state).toBe("waiting");
    expect(await rejection(client.enqueue("echo", 2))).toBeInstanceOf(QueueFullError);
  });

  it("gives a duplicate its handle all the same", async () => {
    const engine = newEngine({ queues: { default: { threads: 1, maxQueued: 1 } } });
    const first = await engine.enqueue("echo", 1, { unique: "key" });
    const [again, many, other] = await Promise.allSettled([
      engine.enqueue("echo", 2, { unique: "key" }),
      engine.enqueueMany("echo", [1, 2, 3], { unique: "key" }),
      engine.enqueue("echo", 2, { unique: "another key" }),
    ]);
    expect(again).toMatchObject({ status: "fulfilled", value: { id: first.id, duplicate: true } });
    expect(many).toMatchObject({ status: "fulfilled", value: [{ id: first.id }, { id: first.id }, { id: first.id }] });
    expect(other).toMatchObject({ status: "rejected", reason: { code: "MILLRACE_QUEUE_FULL" } });
  });

  it("is what each engine says: a client has its own limit, or none", async () => {
    const storage = memoryStorage();
    const strict = clientOf(storage, { queues: { default: { maxQueued: 1 } } });
    const free = clientOf(storage);
    await free.enqueueMany("echo", [1, 2, 3]);
    expect(await rejection(strict.enqueue("echo", 4))).toBeInstanceOf(QueueFullError);
    await free.enqueue("echo", 5);
    expect(await unfinished(free)).toBe(4);
  });
});

describe("enqueueMany to a queue with a limit", () => {
  const queues = { default: { threads: 1, maxQueued: 2_500 } };
  const payloads = Array.from({ length: 2_500 }, (_, n) => n);

  it("stores all of an array or nothing, in slices", async () => {
    const { storage, writes } = countingWrites();
    const engine = newEngine({ storage, queues });
    const one = await engine.enqueue("echo", 0);
    writes.length = 0;
    expect(await rejection(engine.enqueueMany("echo", payloads))).toBeInstanceOf(QueueFullError);
    expect(await unfinished(engine)).toBe(1);
    expect(writes).toEqual([1_000]);
    await one.cancel();
    expect(await engine.enqueueMany("echo", payloads)).toHaveLength(2_500);
    expect(writes).toEqual([1_000, 1_000, 1_000, 500]);
  });

  it("keeps the places of the slices to come from others", async () => {
    const { storage, writes } = countingWrites();
    const engine = newEngine({ storage, queues });
    const firstSlice = nextEvent(engine, "enqueued");
    const many = engine.enqueueMany("echo", payloads);
    await firstSlice;
    const others = await Promise.allSettled([engine.enqueue("echo", 0), engine.enqueueMany("echo", [1, 2]), engine.enqueue("echo", 0, { queue: "other" })]);
    expect(others.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
    // They came in between.
    expect(writes.slice(0, 2)).toEqual([1_000, 2]);
    expect(await many).toHaveLength(2_500);
    expect((await engine.stats()).queues["default"]?.waiting).toBe(2_500);
  });

  it("gives back the places of a call that failed", async () => {
    const { storage } = countingWrites();
    let writes = 0;
    const failing = new Proxy(storage, {
      get: (target, key) => {
        if (key !== "enqueue") return Reflect.get(target, key) as unknown;
        return async (...input: Parameters<typeof storage.enqueue>) => {
          writes += 1;
          if (writes === 2) throw new Error("no");
          return storage.enqueue(...input);
        };
      },
    });
    const engine = newEngine({ storage: failing, queues });
    expect(await rejection(engine.enqueueMany("echo", payloads))).toMatchObject({ code: "MILLRACE_STORAGE" });
    expect(await engine.enqueueMany("echo", payloads.slice(0, 1_500))).toHaveLength(1_500);
    expect(await rejection(engine.enqueue("echo", 1))).toBeInstanceOf(QueueFullError);
  });

  it("stores an iterable slice by slice, until one does not fit", async () => {
    const engine = newEngine({ queues: { default: { threads: 1, maxQueued: 1_500 } } });
    function* some(): Iterable<number> {
      for (let n = 0; n < 100_000; n += 1) yield n;
    }
    expect(await rejection(engine.enqueueMany("echo", some()))).toBeInstanceOf(QueueFullError);
    const { waiting } = (await engine.stats()).queues["default"]!;
    expect(waiting).toBeGreaterThan(0);
    expect(waiting).toBeLessThanOrEqual(1_500);
  });
});

describe("a tick of every that finds its queue full", () => {
  it("is skipped, told once by the error event, and the next ones come in time", async () => {
    const tick = defineJob({ name: "tick", queue: "ticks", run: () => null });
    const { engine, clock } = await startTestEngine([tick], { queues: { ticks: { threads: 1, maxQueued: 2 } } });
    const errors: unknown[] = [];
    engine.on("error", ({ error }) => errors.push(error));
    await engine.pause("ticks");
    await engine.every("1m", tick, null);
    await clock.advance(4 * 60_000 + 1);
    expect(errors).toHaveLength(3);
    expect(errors[0]).toMatchObject({ code: "MILLRACE_QUEUE_FULL", queue: "ticks", maxQueued: 2 });
    expect((await engine.list({ name: "tick" })).jobs).toHaveLength(2);
    expect((await engine.schedules())[0]?.nextAt).toBe(clock.now() - 1 + 60_000);
    await engine.resume("ticks");
    await clock.settle();
    await clock.advance(60_000);
    expect((await engine.list({ name: "tick", state: "completed" })).jobs).toHaveLength(3);
    expect(errors).toHaveLength(3);
  });
});
