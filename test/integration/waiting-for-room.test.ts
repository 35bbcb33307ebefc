/** `signal` of enqueue, enqueueMany and run: waiting for room in a full queue. */

import { memoryStorage, type Storage } from "millrace";
import { describe, expect, it, onTestFinished } from "vitest";
import { defineJob } from "../../src/jobs.js";
import { manualClock } from "../../src/testing/manual-clock.js";
import { deferred } from "../../src/waiting.js";
import { Engine } from "../../src/engine.js";
import { newEngine, nextEvent, rejection, said, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";
import { countingWrites } from "./storages.js";
import { cancelFirst, echo, forever, full, watch } from "./full-queue.js";
import { startTestEngine } from "./test-engines.js";

describe("waiting for room", () => {
  it("stores the job when there is room, in the order of the calls", async () => {
    const { engine, clock } = await full(3);
    const seen = { outcomes: [] };
    for (let n = 0; n < 5; n += 1) watch(engine.enqueue(echo, n, { signal: forever }), seen, n);
    await clock.settle();
    expect(seen.outcomes).toEqual([]);
    expect(await rejection(engine.enqueue(echo, 9))).toMatchObject({ code: "MILLRACE_QUEUE_FULL" });
    await cancelFirst(engine);
    await clock.settle();
    expect(seen.outcomes).toEqual([0]);
    await engine.remove((await engine.list({ state: "waiting" })).jobs[0]!.id);
    expect(await rejection(engine.enqueue(echo, 9))).toMatchObject({ code: "MILLRACE_QUEUE_FULL" });
    expect(seen.outcomes).toEqual([0, 1]);
    await engine.resume("default");
    await clock.settle();
    expect(seen.outcomes).toEqual([0, 1, 2, 3, 4]);
    expect((await engine.list({ state: "completed" })).jobs).toHaveLength(6);
    expect((await engine.stats()).queues["default"]?.totals.enqueued).toBe(8);
  });

  it("has room when a job starts, long before it ends", async () => {
    const gates = [deferred(), deferred()];
    const long = defineJob({ name: "long", run: (n: number) => gates[n]?.promise });
    const { engine, clock } = await startTestEngine([echo, long], { queues: { default: { threads: 1, maxQueued: 1 } } });
    await engine.enqueue(long, 0);
    await clock.settle();
    await engine.enqueue(long, 1);
    const third = engine.enqueue(echo, 2, { signal: forever });
    await clock.settle();
    gates[0]?.resolve();
    await third;
    expect(await engine.stats()).toMatchObject({ queues: { default: { completed: 1 } } });
    gates[1]?.resolve();
    await engine.drain();
  });

  it("does not wait while there is room, nor where there is no limit", async () => {
    const engine = newEngine({ queues: { default: { threads: 1, maxQueued: 2 } } });
    await engine.enqueue("echo", 1, { signal: forever });
    await engine.enqueueMany("echo", [2], { signal: forever });
    await engine.enqueueMany("echo", [1, 2, 3], { signal: forever, queue: "other" });
    expect((await engine.list()).jobs).toHaveLength(5);
  });

  it("asks nobody while nothing happens, but once a second", async () => {
    let calls = 0;
    const { storage } = countingWrites();
    const counted = new Proxy(storage, {
      get: (target, key) => {
        if (key === "enqueue") calls += 1;
        return Reflect.get(target, key) as unknown;
      },
    });
    const { engine, clock } = await full(1, counted);
    watch(engine.enqueue(echo, 1, { signal: forever }), { outcomes: [] }, 1);
    await clock.settle();
    const before = calls;
    await clock.advance(999);
    expect(calls).toBe(before);
    await clock.advance(10_000);
    expect(calls - before).toBe(10);
    await engine.resume("default");
    await clock.settle();
    const after = calls;
    await clock.advance(60_000);
    expect(calls).toBe(after);
  });

  it("ends with the reason of the signal, and nothing is stored", async () => {
    const { engine, clock } = await full(1);
    const seen = { outcomes: [] };
    const controller = new AbortController();
    const reason = new Error("given up");
    watch(engine.enqueue(echo, 1, { signal: controller.signal }), seen, 1);
    watch(engine.enqueue(echo, 2, { signal: forever }), seen, 2);
    watch(engine.run(echo, 3, { signal: controller.signal }), seen, 3);
    await clock.settle();
    controller.abort(reason);
    await clock.settle();
    expect(seen.outcomes).toEqual([reason, reason]);
    expect(await rejection(engine.enqueue(echo, 4, { signal: controller.signal }))).toBe(reason);
    expect(await rejection(engine.enqueueMany(echo, [4], { signal: controller.signal }))).toBe(reason);
    await engine.resume("default");
    await clock.settle();
    expect(seen.outcomes).toEqual([reason, reason, 2]);
    expect((await engine.list()).jobs).toHaveLength(2);
  });

  it("does not tell of an abort when the job was stored just then", async () => {
    const controller = new AbortController();
    let abortNow = false;
    const inner = memoryStorage();
    const storage = new Proxy(inner, {
      get: (target, key) => {
        if (key === "enqueue") {
          return async (...input: Parameters<Storage["enqueue"]>) => {
            const answer = await inner.enqueue(...input);
            if (abortNow && answer[0] !== "full") controller.abort(new Error("too late"));
            return answer;
          };
        }
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    const { engine } = await full(1, storage);
    const call = engine.enqueue(echo, 1, { signal: controller.signal });
    abortNow = true;
    await cancelFirst(engine);
    const { id } = await call;
    expect((await engine.info(id))?.state).toBe("waiting");
    expect(controller.signal.aborted).toBe(true);
  });

  it("with run goes on to the result, and the same signal cancels the job", async () => {
    const engine = await startEngine({ queues: { default: { threads: 1, maxQueued: 1 } } });
    const gate = newGate();
    const first = await engine.enqueue("wait", gate);
    await said(engine, first.id, "waiting");
    await engine.pause("default");
    await engine.enqueue("echo", 1);
    const controller = new AbortController();
    const run = engine.run("echo", 2, { signal: controller.signal });
    const cancelled = engine.run("spin", newGate(), { signal: controller.signal, priority: 5 });
    const spinning = nextEvent(engine, "log", ({ message }) => message === "spinning");
    await engine.resume("default");
    open(gate);
    expect(await run).toBe(2);
    await spinning;
    controller.abort(new Error("enough"));
    await expect(cancelled).rejects.toThrow("enough");
    await engine.drain();
    expect((await engine.list({ name: "spin" })).jobs).toMatchObject([{ state: "cancelled" }]);
  });

  it("gives a duplicate its handle at once", async () => {
    const { engine } = await full(2);
    await cancelFirst(engine);
    const first = await engine.enqueue(echo, 1, { unique: "key", signal: forever });
    const again = await engine.enqueue(echo, 1, { unique: "key", signal: forever });
    expect(again).toMatchObject({ id: first.id, duplicate: true });
    expect(await engine.enqueueMany(echo, [1, 2], { unique: "key", signal: forever })).toMatchObject([{ id: first.id }, { id: first.id }]);
    const other = engine.enqueue(echo, 1, { unique: "other", signal: forever });
    await cancelFirst(engine);
    expect((await other).duplicate).toBe(false);
  });

  it("ends when the engine stops", async () => {
    const { engine, clock } = await full(1);
    const seen: { outcomes: unknown[] } = { outcomes: [] };
    watch(engine.enqueue(echo, 1, { signal: forever }), seen, 1);
    watch(engine.enqueueMany(echo, [1, 2], { signal: forever }), seen, 2);
    await clock.settle();
    await engine.stop();
    expect(seen.outcomes).toMatchObject([{ code: "MILLRACE_ENGINE_STOPPED" }, { code: "MILLRACE_ENGINE_STOPPED" }]);
    expect(clock.timers).toBe(0);
  });

  it("does so for 1,000 calls with one signal, in order and without a warning", async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning.name);
    process.on("warning", onWarning);
    onTestFinished(() => void process.off("warning", onWarning));
    const engine = await startEngine({ queues: { default: { threads: 1, maxQueued: 3 } } });
    const { signal } = new AbortController();
    const order: number[] = [];
    const calls = Array.from({ length: 1_000 }, (_, n) =>
      engine.enqueue("echo", n, { signal }).then((job) => {
        order.push(n);
        return job.result({ signal });
      }),
    );
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(warnings).toEqual([]);
  });

  it("hears of room in a storage that another engine works on", async () => {
    const storage = memoryStorage();
    const clock = manualClock();
    const client = new Engine({ storage, queues: { default: { maxQueued: 1 } } }, { clock });
    onTestFinished(async () => void (await client.stop({ timeout: 0 })));
    await client.enqueue(echo, 1);
    const second = client.enqueue(echo, 2, { signal: forever });
    const { engine } = await startTestEngine([echo], { storage, clock });
    expect((await second).duplicate).toBe(false);
    await engine.drain();
    expect((await engine.list({ state: "completed" })).jobs).toHaveLength(2);
  });

  it("looks now and then where nobody tells", async () => {
    const inner = memoryStorage();
    const storage = new Proxy(inner, {
      get: (target, key) => {
        if (key === "subscribe") return undefined;
        if (key === "supports") return { ...inner.supports, notifications: false };
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    const clock = manualClock();
    const client = new Engine({ storage, queues: { default: { maxQueued: 1 } } }, { clock });
    onTestFinished(async () => void (await client.stop({ timeout: 0 })));
    const first = await client.enqueue(echo, 1);
    const seen = { outcomes: [] };
    watch(client.enqueue(echo, 2, { signal: forever }), seen, 2);
    await clock.settle();
    await inner.cancel([first.id], clock.now());
    await clock.settle();
    // Room goes to who waits, not to who comes.
    expect(await rejection(client.enqueue(echo, 3))).toMatchObject({ code: "MILLRACE_QUEUE_FULL" });
    expect(seen.outcomes).toEqual([]);
    await clock.advance(1_000);
    expect(seen.outcomes).toEqual([2]);
  });

  it("rejects with what the storage says", async () => {
    const { storage } = countingWrites();
    let isBroken = false;
    const failing = new Proxy(storage, {
      get: (target, key) => (key === "enqueue" && isBroken ? () => Promise.reject(new Error("broken")) : (Reflect.get(target, key) as unknown)),
    });
    const { engine, clock } = await full(1, failing);
    const seen = { outcomes: [] };
    watch(engine.enqueue(echo, 1, { signal: forever }), seen, 1);
    await clock.settle();
    isBroken = true;
    await clock.advance(1_000);
    expect(seen.outcomes).toMatchObject([{ code: "MILLRACE_STORAGE" }]);
    isBroken = false;
    watch(engine.enqueue(echo, 2, { signal: forever }), seen, 2);
    await cancelFirst(engine);
    await clock.settle();
    expect(seen.outcomes.slice(1)).toEqual([2]);
  });
});
