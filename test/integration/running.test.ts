/** What a run is given and gives: specs with their implementation in the threads, the context, payloads of all types; and `start`. */

import { describe, expect, it, onTestFinished } from "vitest";
import { defineJob, implement, linear } from "millrace/jobs";
import { jobsModule, newEngine, nextEvent, startEngine } from "./engines.js";
import { replacing } from "./storages.js";

const options = { jobs: jobsModule("implemented.js") } as const;

describe("a spec", () => {
  const resize = defineJob<{ width: number }, object>({ name: "resize", queue: "images", maxRetries: 1, backoff: linear(1), timeout: "1m" });

  it("is all the server needs of a job that the threads implement", async () => {
    const engine = await startEngine(options);
    expect(await engine.run(resize, { width: 640 })).toEqual({ width: 320, queue: "images", attempt: 2, maxRetries: 1 });
  });

  it("gives its policy to the implementation, which may be enqueued just as well", async () => {
    const engine = await startEngine(options);
    const job = implement(resize, async () => ({}));
    expect(job).toMatchObject({ name: "resize", queue: "images", maxRetries: 1, timeoutMs: 60_000, backoff: { kind: "linear", delayMs: 1 } });
    expect([Object.isFrozen(job), Object.isFrozen(resize)]).toEqual([true, true]);
    expect(await engine.run(job, { width: 2 })).toMatchObject({ width: 1 });
  });

  it("with a backoff function that the threads do not have is retried by the default", async () => {
    const engine = await startEngine(options);
    const job = await engine.enqueue(defineJob<object>({ name: "resize", backoff: () => 0 }), { width: 1 });
    const { runAt } = await nextEvent(engine, "retrying");
    expect(runAt - ((await job.info())?.createdAt ?? NaN)).toBeGreaterThan(1_700);
  });
});

describe("the context", () => {
  it("has what product.md lists", async () => {
    const engine = await startEngine(options);
    const seen = await engine.run(defineJob<null, Record<string, unknown>>({ name: "look" }), null, { meta: { a: "b" } });
    expect(seen["keys"]).toEqual(expect.arrayContaining([
      ...["id", "name", "queue", "attempt", "maxRetries", "meta", "state", "signal", "cancelled"],
      ...["throwIfCancelled", "progress", "log", "enqueue", "snooze"],
    ]) as unknown);
    const refused = "MILLRACE_OPTIONS";
    expect(seen).toMatchObject({
      ...{ throws: undefined, signal: [true, false, false], state: undefined },
      progress: [undefined, undefined, refused, refused, refused, refused],
    });
  });
});

describe("payloads and results", () => {
  it("arrive as product.md says, there and back", async () => {
    const engine = await startEngine(options);
    const arrive = defineJob<object, { payload: Record<string, unknown>; kinds: Record<string, string> }>({ name: "arrive" });
    const shared = { a: 1 };
    const exact = {
      ...{ nothing: null, missing: undefined, nan: NaN, infinite: -Infinity, negativeZero: -0, text: "ü€😀", big: 2n ** 100n },
      ...{ date: new Date(5), map: new Map([[{ k: 1 }, new Set([1, "2"])]]), set: new Set([undefined]), pattern: /a+/giu },
      ...{ bytes: new Uint8Array([1, 2]), floats: new Float64Array([0.5]), longs: new BigInt64Array([1n]), buffer: new ArrayBuffer(3), view: new DataView(new ArrayBuffer(2)) },
      ...{ list: [1, [undefined]], nested: { ["__proto__"]: 1, constructor: 2 } },
    };
    const { payload, kinds } = await engine.run(arrive, { ...exact, node: Buffer.from("ab"), bare: Object.assign(Object.create(null) as object, { b: 2 }), one: shared, two: shared });
    expect(payload).toEqual({ ...exact, node: new Uint8Array([97, 98]), bare: { b: 2 }, one: { a: 1 }, two: { a: 1 } });
    expect(Object.is(payload["negativeZero"], -0)).toBe(true);
    expect("missing" in payload).toBe(true);
    expect(kinds).toMatchObject({ node: "Uint8Array", longs: "BigInt64Array", view: "DataView", pattern: "RegExp", big: "BigInt" });
    const error = Object.assign(new RangeError("broken", { cause: new AggregateError([new TypeError("inner")], "several") }), { code: "E_CODE", extra: [1] });
    const { payload: back } = await engine.run(arrive, { error });
    expect(back["error"]).toBeInstanceOf(RangeError);
    expect(back["error"]).toMatchObject({ message: "broken", code: "E_CODE", extra: [1], stack: error.stack, cause: { message: "several", errors: [{ message: "inner" }] } });
  });

  it("are those of the moment of the call", async () => {
    const engine = await startEngine();
    const payload = { list: [1] };
    const job = engine.enqueue("echo", payload);
    payload.list.push(2);
    expect(await (await job).result()).toEqual({ list: [1] });
  });

  it("are copied by a storage that cannot keep moved buffers", async () => {
    const storage = replacing((inner) => ({ supports: { ...inner.supports, transfer: false } }));
    const engine = await startEngine({ storage });
    const buffer = new Uint8Array([1, 2, 3]).buffer;
    expect(await engine.run("echo", buffer, { transfer: [buffer] })).toEqual(new Uint8Array([1, 2, 3]).buffer);
    expect(buffer.byteLength).toBe(3);
  });

  it("may be nothing at all", async () => {
    const engine = await startEngine();
    expect(await engine.run("echo", undefined)).toBeUndefined();
    expect(await engine.run("echo", null)).toBeNull();
  });
});

describe("start", () => {
  it("may be called twice, and starts once", async () => {
    const engine = newEngine();
    let threads = 0;
    engine.on("thread:started", () => (threads += 1));
    await Promise.all([engine.start(), engine.start()]);
    await engine.start();
    expect(threads).toBe(1);
    expect(await engine.run("echo", 1)).toBe(1);
  });

  it("runs what was enqueued before it, also in queues that are not configured", async () => {
    const engine = newEngine();
    const early = await engine.enqueue("echo", 1, { queue: "elsewhere" });
    const later = await engine.enqueue("echo", 2, { delay: 5 });
    await engine.start();
    expect([await early.result(), await later.result()]).toEqual([1, 2]);
  });
});

describe("an error in the background that nobody listens to", () => {
  it("is a warning", async () => {
    const warnings: string[] = [];
    const onWarning = ({ name, message }: Error): void => void warnings.push(`${name}: ${message}`);
    process.on("warning", onWarning);
    onTestFinished(() => void process.off("warning", onWarning));
    let isBroken = true;
    const storage = replacing((inner) => ({
      complete: (transitions) => {
        if (!isBroken) return inner.complete(transitions);
        isBroken = false;
        return Promise.reject(new Error("disk full"));
      },
    }));
    const engine = await startEngine({ storage });
    expect(await engine.run("echo", 1)).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/^MillraceWarning: memory storage failed to complete: disk full.*"error" event/)]);
  });
});
