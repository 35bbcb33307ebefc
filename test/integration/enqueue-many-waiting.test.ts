/** `enqueueMany` with a signal, and of sources that let it wait. */

import { PayloadError } from "millrace";
import { describe, expect, it } from "vitest";
import { newEngine, rejection, startEngine } from "./engines.js";
import { cancelFirst, echo, forever, full, waiting } from "./full-queue.js";
import { countingWrites } from "./storages.js";

describe("enqueueMany with a signal", () => {
  it("pulls no more from a source than has room, and one slice", async () => {
    const { engine, clock } = await full(10);
    let pulled = 0;
    async function* source(): AsyncIterable<number> {
      for (; pulled < 5_000; pulled += 1) yield await Promise.resolve(pulled);
    }
    const all = engine.enqueueMany(echo, source(), { signal: forever });
    await clock.settle();
    expect(pulled).toBeLessThanOrEqual(1_000);
    for (let n = 0; n < 5; n += 1) await cancelFirst(engine);
    await clock.settle();
    expect(pulled).toBeLessThanOrEqual(1_005);
    expect(await waiting(engine)).toBe(10);
    await engine.resume("default");
    const jobs = await all;
    expect(jobs).toHaveLength(5_000);
    expect(await Promise.all(jobs.map((job) => job.result()))).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
  });

  it("stores more of an array than the queue has room for, as there is room", async () => {
    const { engine, clock } = await full(4);
    const all = engine.enqueueMany(echo, Array.from({ length: 30 }, (_, n) => n), { signal: forever });
    await clock.settle();
    await cancelFirst(engine);
    expect(await waiting(engine)).toBe(4);
    await engine.resume("default");
    const jobs = await all;
    expect(await Promise.all(jobs.map((job) => job.result()))).toEqual(Array.from({ length: 30 }, (_, n) => n));
  });

  it("keeps what is stored when it aborts, and checks an array first", async () => {
    const { engine, clock } = await full(3);
    const controller = new AbortController();
    expect(await rejection(engine.enqueueMany(echo, [1, (() => 2) as never], { signal: forever }))).toMatchObject({ code: "MILLRACE_PAYLOAD" });
    const all = engine.enqueueMany(echo, [10, 11, 12], { signal: controller.signal });
    await clock.settle();
    await cancelFirst(engine);
    await clock.settle();
    controller.abort(new Error("enough"));
    await expect(all).rejects.toThrow("enough");
    expect((await engine.stats()).queues["default"]).toMatchObject({ waiting: 3, cancelled: 1 });
  });
});

describe("enqueueMany of an async iterable that pauses", () => {
  it("stores what it has meanwhile", async () => {
    const engine = await startEngine();
    let goOn = (): void => undefined;
    async function* source(): AsyncIterable<string> {
      yield "first";
      yield "second";
      await new Promise<void>((resolve) => (goOn = resolve));
      yield "third";
    }
    const completed: Promise<void> = new Promise((resolve) => {
      let count = 0;
      engine.on("completed", () => void ((count += 1) === 2 && resolve()));
    });
    const all = engine.enqueueMany("echo", source());
    await completed;
    goOn();
    const jobs = await all;
    expect(await Promise.all(jobs.map((job) => job.result()))).toEqual(["first", "second", "third"]);
  });

  it("rejects at once when that fails, though the source is still asked, and tells the source", async () => {
    const { storage, writes } = countingWrites();
    const engine = newEngine({ storage, queues: { default: { threads: 1, maxQueued: 1 } } });
    await engine.enqueue("echo", 1);
    const told: string[] = [];
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => {
        let n = 0;
        return {
          next: () => ((n += 1) === 1 ? Promise.resolve({ done: false, value: 1 }) : new Promise(() => undefined)),
          return: () => {
            told.push("returned");
            return new Promise(() => undefined);
          },
        };
      },
    };
    expect(await rejection(engine.enqueueMany("echo", source))).toMatchObject({ code: "MILLRACE_QUEUE_FULL" });
    expect(told).toEqual(["returned"]);
    expect(writes).toEqual([1, 1]);
  });

  it("does not ask a source that failed or ended to return, but one whose payload is bad", async () => {
    const engine = newEngine();
    const told: string[] = [];
    const source = (steps: readonly (() => IteratorResult<unknown>)[]): AsyncIterable<unknown> => ({
      [Symbol.asyncIterator]: () => {
        let n = 0;
        return {
          next: async () => steps[n++]!(),
          return: async () => {
            told.push("returned");
            return { done: true, value: undefined };
          },
        };
      },
    });
    const one = (): IteratorResult<unknown> => ({ done: false, value: 1 });
    const over = (): IteratorResult<unknown> => ({ done: true, value: undefined });
    const fails = (): never => {
      throw new RangeError("source broke");
    };
    expect(await engine.enqueueMany("echo", source([one, over]))).toHaveLength(1);
    expect(await rejection(engine.enqueueMany("echo", source([one, fails])))).toBeInstanceOf(RangeError);
    expect(told).toEqual([]);
    expect(await rejection(engine.enqueueMany("echo", source([() => ({ done: false, value: () => 1 })])))).toBeInstanceOf(PayloadError);
    expect(told).toEqual(["returned"]);
  });
});
