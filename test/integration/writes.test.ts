/** How calls become storage writes: those of one tick are one, or a few, and `enqueueMany` writes slices. */

import { OptionsError, PayloadError } from "millrace";
import { defineJob } from "millrace/jobs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { newEngine, nextEvent, rejection, startEngine } from "./engines.js";
import { countingWrites, replacing } from "./storages.js";

const schema = z.number();
const numbers = defineJob<number, typeof schema>({ name: "echo", payload: schema });

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

describe("enqueue", () => {
  it("stores the calls of one tick in one write, in their order", async () => {
    const { storage, writes } = countingWrites();
    const engine = newEngine({ storage });
    const jobs = await Promise.all([1, 2, 3, 4, 5].map((n) => engine.enqueue("echo", n)));
    expect(writes).toEqual([5]);
    expect((await engine.list()).jobs.map(({ id }) => id)).toEqual(jobs.map(({ id }) => id));
    await engine.enqueue("echo", 6);
    void engine.enqueue("echo", 7);
    void engine.run("echo", 8).catch(() => undefined);
    await engine.enqueue("echo", 9);
    expect(writes).toEqual([5, 1, 3]);
  });

  it("stores thousands of calls of one tick in several writes, each in a turn of its own, in their order; one that fails harms no other", async () => {
    const sizes: number[] = [];
    const turns: number[] = [];
    let turn = 0;
    const storage = replacing((inner) => ({
      enqueue: (jobs, now, limits) => {
        sizes.push(jobs.length);
        turns.push(turn);
        return sizes.length === 2 ? Promise.reject(new Error("no space")) : inner.enqueue(jobs, now, limits);
      },
    }));
    const engine = newEngine({ storage });
    const countTurns = (): void => {
      turn += 1;
      if (sizes.length < 3) setImmediate(countTurns);
    };
    setImmediate(countTurns);
    const calls = await Promise.allSettled(Array.from({ length: 2_500 }, (_, n) => engine.enqueue("echo", n)));
    expect(sizes).toEqual([1_000, 1_000, 500]);
    expect(new Set(turns).size).toBe(3);
    const stored = calls.filter((call) => call.status === "fulfilled").map(({ value }) => value.id);
    expect(stored).toHaveLength(1_500);
    expect(calls.slice(1_000, 2_000).every(({ status }) => status === "rejected")).toBe(true);
    expect((await engine.list({ limit: 1_000 })).jobs.map(({ id }) => id)).toEqual(stored.slice(0, 1_000));
  });

  it("stores the good calls of a tick next to bad ones", async () => {
    const { storage, writes } = countingWrites();
    const engine = newEngine({ storage });
    const calls = await Promise.allSettled([1, () => 2, 3].map((payload) => engine.enqueue("echo", payload)));
    expect(calls.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(writes).toEqual([2]);
  });

  it("from several jobs of one frame is one write or few", async () => {
    const { storage, writes } = countingWrites();
    const engine = await startEngine({ storage, queues: { default: { threads: 1, concurrency: 16 } } });
    await engine.pause("default");
    const parents = await engine.enqueueMany("enqueuing", Array.from({ length: 16 }, (_, n) => ({ job: "echo", payload: n })));
    writes.length = 0;
    await engine.resume("default");
    const stored = (await Promise.all(parents.map((job) => job.result()))) as { id: string; duplicate: boolean }[];
    expect(new Set(stored.map(({ id }) => id)).size).toBe(16);
    expect(sum(writes)).toBe(16);
  });
});

describe("enqueueMany", () => {
  it("gives handles in input order, from arrays, iterables and async iterables", async () => {
    const engine = await startEngine();
    const payloads = Array.from({ length: 300 }, (_, n) => n);
    function* some(): Iterable<number> {
      yield* payloads;
    }
    async function* later(): AsyncIterable<number> {
      for (const payload of payloads) yield await Promise.resolve(payload);
    }
    for (const input of [payloads, some(), later(), new Set(payloads)]) {
      const jobs = await engine.enqueueMany("echo", input);
      expect(await Promise.all(jobs.map((job) => job.result()))).toEqual(payloads);
      expect(jobs.map(({ id }) => id).toSorted()).toEqual(jobs.map(({ id }) => id));
    }
    expect(await engine.enqueueMany("echo", [])).toEqual([]);
  });

  it("writes slices, not one by one and never all at once", async () => {
    const { storage, writes } = countingWrites();
    const engine = newEngine({ storage });
    await engine.enqueueMany("echo", Array.from({ length: 5_000 }, (_, n) => n));
    expect(sum(writes)).toBe(5_000);
    expect(Math.max(...writes)).toBeLessThanOrEqual(1_000);
    expect(writes.length).toBeLessThan(50);
  });

  it("lets others run between the slices", async () => {
    const engine = newEngine();
    let turns = 0;
    const turn = (): void => {
      turns += 1;
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    await engine.enqueueMany("echo", Array.from({ length: 20_000 }, (_, n) => ({ n })));
    clearImmediate(next);
    expect(turns).toBeGreaterThan(15);
  });

  it("stores nothing of an array of which one payload is bad, and names it", async () => {
    const { storage, writes } = countingWrites();
    const engine = newEngine({ storage });
    const error = await rejection(engine.enqueueMany("echo", [1, { a: [2, () => 3] }, 4]));
    expect(error).toBeInstanceOf(PayloadError);
    expect(error).toMatchObject({ path: "payloads[1].a[1]" });
    await expect(engine.enqueueMany(numbers, [1, "2"] as number[])).rejects.toMatchObject({ code: "MILLRACE_VALIDATION" });
    await expect(engine.enqueueMany("echo", [1, Promise.resolve(2)])).rejects.toBeInstanceOf(PayloadError);
    expect(writes).toEqual([]);
  });

  it("rejects with what a source throws", async () => {
    const engine = newEngine();
    function* broken(): Iterable<number> {
      yield 1;
      throw new RangeError("source broke");
    }
    await expect(engine.enqueueMany("echo", broken())).rejects.toThrow(new RangeError("source broke"));
  });

  it("applies the options to each job", async () => {
    const engine = newEngine();
    const jobs = await engine.enqueueMany("echo", [1, 2, 3], { queue: "other", priority: 4, unique: "one", meta: { a: "b" } });
    expect(jobs.map(({ duplicate }) => duplicate)).toEqual([false, true, true]);
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(1);
    expect((await engine.list()).jobs).toMatchObject([{ queue: "other", priority: 4, meta: { a: "b" } }]);
  });

  it("moves no buffers, and takes nothing but iterables", async () => {
    const engine = newEngine();
    const transfer = [new ArrayBuffer(8)];
    await expect(engine.enqueueMany("echo", transfer, { transfer } as object)).rejects.toBeInstanceOf(OptionsError);
    expect(transfer[0]?.byteLength).toBe(8);
    for (const wrong of [null, undefined, 5, "text", {}]) {
      await expect(engine.enqueueMany("echo", wrong as never)).rejects.toBeInstanceOf(OptionsError);
    }
  });
});

describe("ctx.enqueue", () => {
  it("stores another job from a job, with its options, and tells about it", async () => {
    const engine = await startEngine();
    const enqueued = nextEvent(engine, "enqueued", ({ name }) => name === "echo");
    const options = { delay: "1h", unique: "a", meta: { from: "job" }, queue: "other" } as const;
    const answer = await engine.run("enqueuing", { job: "echo", payload: { a: 1 }, options });
    expect(answer).toEqual({ id: (await enqueued).id, duplicate: false });
    expect(await engine.info((await enqueued).id)).toMatchObject({ state: "scheduled", queue: "other", meta: { from: "job" } });
    expect(await engine.run("enqueuing", { job: "echo", payload: { a: 1 }, options })).toEqual({ id: (await enqueued).id, duplicate: true });
  });

  it("runs what it enqueued", async () => {
    const engine = await startEngine();
    const { id } = (await engine.run("enqueuing", { job: "enqueuing", payload: { job: "echo", payload: new Map([[1, 2]]) } })) as { id: string };
    const inner = (await engine.job(id).result()) as { id: string };
    expect(await engine.job(inner.id).result()).toEqual(new Map([[1, 2]]));
  });

  it.each([
    ["an unknown option", { job: "echo", options: { retries: 1 } }, "MILLRACE_OPTIONS"],
    ["an empty name", { job: "" }, "MILLRACE_OPTIONS"],
    ["no job", { job: null }, "MILLRACE_OPTIONS"],
    ["a number as job", { job: 5 }, "MILLRACE_OPTIONS"],
    ["buffers to move", { job: "echo", options: { transfer: [] } }, "MILLRACE_OPTIONS"],
  ])("fails the job for %s", async (_, payload, code) => {
    const { storage, writes } = countingWrites();
    const engine = await startEngine({ storage });
    const job = await engine.enqueue("enqueuing", payload, { maxRetries: 0 });
    await expect(job.result()).rejects.toMatchObject({ code: "MILLRACE_JOB_FAILED", cause: { code } });
    expect(writes).toEqual([1]);
  });
});
