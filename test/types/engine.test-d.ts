/** What `millrace` infers, and what it refuses to compile. */

import { createEngine, type Engine, type EngineEvents, type EngineOptions, type JobHandle, type JobInfo } from "millrace";
import { defineJob, exponential, linear } from "millrace/jobs";
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";

declare const engine: Engine;
const thumbnail = defineJob({ name: "thumbnail", run: async (payload: { path: string; width: number }) => ({ bytes: payload.width }) });
const dated = defineJob({ name: "dated", payload: z.object({ at: z.string().transform((text) => new Date(text)) }), run: ({ at }) => at.getTime() });
const spec = defineJob<{ path: string }, { words: number }>({ name: "count" });

describe("enqueueing", () => {
  it("carries payload and result from the definition to the handle", () => {
    expectTypeOf(engine.enqueue(thumbnail, { path: "a", width: 1 })).resolves.toEqualTypeOf<JobHandle<{ bytes: number }>>();
    expectTypeOf(engine.run(thumbnail, { path: "a", width: 1 })).resolves.toEqualTypeOf<{ bytes: number }>();
    expectTypeOf(engine.enqueueMany(thumbnail, [{ path: "a", width: 1 }])).resolves.toEqualTypeOf<readonly JobHandle<{ bytes: number }>[]>();
    expectTypeOf(engine.run(spec, { path: "a" })).resolves.toEqualTypeOf<{ words: number }>();
    expectTypeOf(engine.job("id", thumbnail).result()).resolves.toEqualTypeOf<{ bytes: number }>();
    expectTypeOf(engine.job("id").result()).resolves.toEqualTypeOf<unknown>();
  });

  it("takes the input of a schema", () => {
    expectTypeOf(engine.run(dated, { at: "2024-01-01" })).resolves.toEqualTypeOf<number>();
    // @ts-expect-error run gets the Date, enqueue takes the string
    void engine.run(dated, { at: new Date() });
  });

  it("needs no payload where undefined is one", () => {
    const cleanUp = defineJob({ name: "cleanUp", run: async () => 3 });
    const maybe = defineJob({ name: "maybe", run: (n?: number) => n ?? 0 });
    expectTypeOf(engine.run(cleanUp)).resolves.toEqualTypeOf<number>();
    expectTypeOf(engine.enqueue(maybe)).resolves.toEqualTypeOf<JobHandle<number>>();
    void engine.run(maybe, 1, { delay: 1 });
    void engine.run(cleanUp, undefined, { delay: 1 });
    void engine.run("anything");
    // @ts-expect-error no such payload
    void engine.run(maybe, "1");
    // @ts-expect-error a payload is needed
    void engine.run(thumbnail);
  });

  it("takes any payload for a name, and knows nothing of its result", () => {
    expectTypeOf(engine.run("anything", { a: 1 })).resolves.toEqualTypeOf<unknown>();
    expectTypeOf(engine.enqueue("anything", null)).resolves.toEqualTypeOf<JobHandle>();
  });

  it("refuses a wrong payload and a wrong use of the result", async () => {
    // @ts-expect-error width is missing
    void engine.enqueue(thumbnail, { path: "a" });
    // @ts-expect-error width is a number
    void engine.run(thumbnail, { path: "a", width: "1" });
    // @ts-expect-error one of them is wrong
    void engine.enqueueMany(thumbnail, [{ path: "a", width: 1 }, { path: "b" }]);
    // @ts-expect-error a payload is needed
    void engine.enqueue(thumbnail);
    // @ts-expect-error the result has no size
    (await engine.run(thumbnail, { path: "a", width: 1 })).size;
    // @ts-expect-error unknown must be narrowed first
    (await engine.run("anything", null)).size;
    // @ts-expect-error no iterable
    void engine.enqueueMany(thumbnail, { path: "a", width: 1 });
  });

  it("takes all options and refuses others", () => {
    const payload = { path: "a", width: 1 };
    void engine.enqueue(thumbnail, payload, {
      ...{ queue: "images", delay: "5s", priority: -1, maxRetries: Infinity, backoff: exponential(), timeout: 1_000 },
      ...{ unique: "a", meta: { tenant: "t" }, transfer: [new ArrayBuffer(1)] },
    });
    void engine.enqueue(thumbnail, payload, { runAt: new Date(), backoff: linear(0), unique: { key: "a", until: "started" } });
    void engine.run(thumbnail, payload, { signal: AbortSignal.timeout(1) });
    // @ts-expect-error no such option
    void engine.enqueue(thumbnail, payload, { retries: 3 });
    // @ts-expect-error no such unit
    void engine.enqueue(thumbnail, payload, { delay: "5 minutes" });
    // @ts-expect-error a string with a unit
    void engine.enqueue(thumbnail, payload, { timeout: "30" });
    // @ts-expect-error a function cannot be stored, it belongs to the definition
    void engine.enqueue(thumbnail, payload, { backoff: () => 1 });
    // @ts-expect-error strings only
    void engine.enqueue(thumbnail, payload, { meta: { attempt: 1 } });
    // @ts-expect-error finished or started
    void engine.enqueue(thumbnail, payload, { unique: { key: "a", until: "dead" } });
    // @ts-expect-error buffers, not views on them
    void engine.enqueue(thumbnail, payload, { transfer: [new Uint16Array(1)] });
    void engine.enqueue(thumbnail, payload, { signal: AbortSignal.timeout(1) });
    void engine.enqueueMany(thumbnail, [payload], { signal: AbortSignal.timeout(1) });
    // @ts-expect-error a signal, not its controller
    void engine.enqueue(thumbnail, payload, { signal: new AbortController() });
    // @ts-expect-error a tick does not wait
    void engine.every("1m", thumbnail, payload, { signal: AbortSignal.timeout(1) });
    // @ts-expect-error each buffer exists only once
    void engine.enqueueMany(thumbnail, [payload], { transfer: [] });
  });

  it("types every as it does enqueue", () => {
    void engine.every("10m", thumbnail, { path: "a", width: 1 }, { name: "nightly", overlap: "skip", priority: 1 });
    // @ts-expect-error width is missing
    void engine.every("10m", thumbnail, { path: "a" });
    // @ts-expect-error no such unit
    void engine.every("10 minutes", thumbnail, { path: "a", width: 1 });
    // @ts-expect-error a tick is due at once
    void engine.every("10m", thumbnail, { path: "a", width: 1 }, { delay: "1s" });
    // @ts-expect-error allow or skip
    void engine.every("10m", thumbnail, { path: "a", width: 1 }, { overlap: "queue" });
  });
});

describe("reading", () => {
  it("types info, list, stats and the answers of the control calls", async () => {
    expectTypeOf(engine.info("id")).resolves.toEqualTypeOf<JobInfo | undefined>();
    expectTypeOf<JobInfo["state"]>().toEqualTypeOf<"scheduled" | "waiting" | "running" | "retrying" | "completed" | "dead" | "cancelled">();
    expectTypeOf(engine.cancel("id")).resolves.toEqualTypeOf<"cancelled" | "cancelling" | "finished">();
    expectTypeOf(engine.stop()).resolves.toEqualTypeOf<{ readonly completed: number; readonly returned: number }>();
    expectTypeOf((await engine.list({ state: "dead" })).next).toEqualTypeOf<string | null>();
    // @ts-expect-error no such state
    void engine.list({ state: "failed" });
    // @ts-expect-error an answer may be missing
    (await engine.info("id")).state;
    // @ts-expect-error a queue may be unknown
    (await engine.stats()).queues.default.waiting;
  });

  it("types each event", () => {
    expectTypeOf<EngineEvents["completed"]["tookMs"]>().toEqualTypeOf<number>();
    engine.on("progress", ({ id, name, queue, fraction, detail }) => {
      expectTypeOf({ id, name, queue, fraction, detail }).toEqualTypeOf<{ id: string; name: string; queue: string; fraction: number; detail: string | null }>();
    });
    expectTypeOf(engine.on("dead", ({ error }) => void error.message)).toEqualTypeOf<() => void>();
    // @ts-expect-error no such event
    engine.on("done", () => undefined);
    // @ts-expect-error a completed job has no error
    engine.on("completed", ({ error }) => error);
  });
});

describe("createEngine", () => {
  it("takes all options and refuses others", () => {
    const options: EngineOptions = {
      ...{ jobs: new URL("file:///jobs.js"), queues: { images: { threads: 4, concurrency: 2, timeout: "1m", maxQueued: 1_000, resourceLimits: { maxOldGenerationSizeMb: 64 } } } },
      ...{ retention: { completed: { age: "1h", count: 10 }, dead: { age: "7d" }, bytes: "64mb" }, execArgv: ["--import", "tsx"], env: { A: "1" } },
      ...{ bootTimeout: "30s", grace: "1s", maxPayload: "1mb", maxResult: 1_024, maxDepth: 10, resourceLimits: { stackSizeMb: 4 } },
    };
    createEngine(options);
    createEngine({ jobs: "/srv/jobs.js" });
    createEngine();
    // @ts-expect-error no such option
    createEngine({ job: "/srv/jobs.js" });
    // @ts-expect-error no such option of a queue
    createEngine({ queues: { images: { workers: 4 } } });
    // @ts-expect-error no such unit
    createEngine({ grace: "1sec" });
    // @ts-expect-error no such unit
    createEngine({ maxPayload: "64mib" });
    // @ts-expect-error a storage is more than that
    createEngine({ storage: { enqueue: () => undefined } });
  });

  it("is async disposable", () => {
    expectTypeOf<Engine>().toExtend<AsyncDisposable>();
  });
});
