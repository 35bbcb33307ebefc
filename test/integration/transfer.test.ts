/** Buffers that are moved, not copied: to a job and back. */

import { memoryStorage, PayloadError, PayloadLostError } from "millrace";
import { defineJob, linear } from "millrace/jobs";
import { sqliteStorage } from "millrace/sqlite";
import { describe, expect, it } from "vitest";
import { newFile } from "../sqlite-files.js";
import { jobsModule, newEngine, nextEvent, rejection, startEngine } from "./engines.js";

interface Image {
  readonly pixels: Uint8Array;
}

const options = { jobs: jobsModule("transfers.js"), maxPayload: "1gb", maxResult: "1gb" } as const;
const bounce = defineJob<Image, Image>({ name: "bounce" });
const make = defineJob<number, { kept: Uint8Array }>({ name: "make" });

function image(length: number): Image & { readonly buffer: ArrayBuffer } {
  const pixels = new Uint8Array(length).fill(5);
  return { pixels, buffer: pixels.buffer };
}

describe("a payload's buffer", () => {
  it("is detached at once, and arrives as it was, with the views on it", async () => {
    const engine = await startEngine(options);
    const buffer = new Float64Array([1, 2, 3, 4]).buffer;
    const enqueued = engine.enqueue("measure", { pixels: new Float64Array(buffer, 8, 2) }, { transfer: [buffer] });
    expect(buffer.byteLength).toBe(0);
    expect(await (await enqueued).result()).toEqual({ kind: "Float64Array", offset: 8, length: 2, last: 3, of: 32 });
  });

  it("may be empty, which is not lost", async () => {
    const engine = await startEngine(options);
    const buffer = new ArrayBuffer(0);
    const expected = { kind: "Uint8Array", offset: 0, length: 0, of: 0 };
    expect(await engine.run("measure", { pixels: new Uint8Array(buffer) }, { transfer: [buffer] })).toMatchObject(expected);
    const empty = image(0);
    expect((await engine.run(bounce, empty, { transfer: [empty.buffer] })).pixels).toHaveLength(0);
  });

  it("stays with the caller when the call is refused", async () => {
    const engine = newEngine(options);
    const { pixels, buffer } = image(8);
    await expect(engine.enqueue("measure", { pixels, more: () => 1 }, { transfer: [buffer] })).rejects.toBeInstanceOf(PayloadError);
    await expect(engine.enqueue("measure", { pixels }, { transfer: [buffer], priority: NaN })).rejects.toMatchObject({ code: "MILLRACE_OPTIONS" });
    await expect(engine.enqueue("measure", { a: 1 }, { transfer: [buffer] })).rejects.toMatchObject({ path: "transfer[0]" });
    expect(buffer.byteLength).toBe(8);
  });

  it("is copied when it is not moved", async () => {
    const engine = await startEngine(options);
    const { pixels } = image(8);
    expect(await engine.run("measure", { pixels })).toMatchObject({ length: 8, last: 5 });
    expect(pixels).toHaveLength(8);
  });

  it("and a result's are never copied, however big", async () => {
    const engine = await startEngine(options);
    const { pixels, buffer } = image(200 * 2 ** 20);
    const before = process.resourceUsage().maxRSS;
    const result = await engine.run(bounce, { pixels }, { transfer: [buffer] });
    const grownMb = (process.resourceUsage().maxRSS - before) / 1_024;
    expect(result.pixels.byteLength).toBe(200 * 2 ** 20);
    expect(result.pixels.at(-1)).toBe(5);
    expect(grownMb).toBeLessThan(150);
  });

  it("is lost with its thread", async () => {
    const engine = await startEngine(options);
    const { pixels, buffer } = image(8);
    const job = await engine.enqueue("exit", { pixels }, { transfer: [buffer], maxRetries: 9 });
    const error = await rejection(job.result());
    expect(error).toBeInstanceOf(PayloadLostError);
    expect(error).toMatchObject({ code: "MILLRACE_PAYLOAD_LOST", runs: 1 });
    expect(await job.info()).toMatchObject({ state: "dead", attempt: 1, error: { code: "MILLRACE_PAYLOAD_LOST" } });
    const refused = await rejection(engine.retry(job.id));
    expect(refused).toBeInstanceOf(PayloadLostError);
    expect(refused).toMatchObject({ jobId: job.id, jobName: "exit", runs: 1 });
    expect((await job.info())?.state).toBe("dead");
  });

  it("exists for one run only, and the error of that run is the cause", async () => {
    const engine = await startEngine(options);
    const first = image(8);
    const failed = await rejection(engine.run("fail", { pixels: first.pixels }, { transfer: [first.buffer] }));
    expect(failed).toBeInstanceOf(PayloadLostError);
    expect(failed).toMatchObject({ runs: 1, cause: { cause: { name: "RangeError", message: "no good" } } });
    const second = image(8);
    const snoozed = await rejection(engine.run("snooze", { pixels: second.pixels }, { transfer: [second.buffer] }));
    expect(snoozed).toBeInstanceOf(PayloadLostError);
    const third = image(8);
    const last = await rejection(engine.run("fail", { pixels: third.pixels }, { transfer: [third.buffer], maxRetries: 0 }));
    expect(last).toMatchObject({ code: "MILLRACE_JOB_FAILED", cause: { name: "RangeError" } });
  });

  it("waits in storage for as long as the job does", async () => {
    const engine = await startEngine(options);
    await engine.pause("default");
    const { pixels, buffer } = image(8);
    const job = await engine.enqueue("measure", { pixels }, { transfer: [buffer] });
    await engine.resume("default");
    expect(await job.result()).toMatchObject({ length: 8 });
  });
});

describe("a result's buffer", () => {
  it("is moved out of the thread", async () => {
    const engine = await startEngine(options);
    const { kept } = await engine.run(make, 16);
    expect(kept).toEqual(new Uint8Array(16).fill(7));
    expect(await engine.run("check", null)).toBe(0);
  });

  it("is handed over once: to the first who awaits it", async () => {
    const engine = await startEngine(options);
    const job = await engine.enqueue(make, 16);
    const [first, second] = await Promise.allSettled([job.result(), job.result()]);
    expect(first).toMatchObject({ status: "fulfilled", value: { kept: { byteLength: 16 } } });
    expect(second).toMatchObject({ status: "rejected", reason: { code: "MILLRACE_PAYLOAD_LOST" } });
    await expect(job.result()).rejects.toBeInstanceOf(PayloadLostError);
  });

  it("goes to the first also if only he has a timeout, and not to one who has given up", async () => {
    const engine = await startEngine(options);
    await engine.pause("default");
    const job = await engine.enqueue(make, 16);
    const abort = new AbortController();
    const gone = job.result({ signal: abort.signal });
    const [first, second] = [job.result({ timeout: "1m" }), job.result()];
    abort.abort();
    await engine.resume("default");
    await expect(gone).rejects.toMatchObject({ name: "AbortError" });
    expect((await first).kept).toHaveLength(16);
    await expect(second).rejects.toBeInstanceOf(PayloadLostError);
  });

  it("is copied and kept when nobody here awaits it, but somebody in another engine of the storage", async () => {
    const storage = memoryStorage();
    const engine = await startEngine({ ...options, storage });
    const client = newEngine({ ...options, storage });
    const job = await client.enqueue(make, 16);
    expect((await job.result()).kept).toEqual(new Uint8Array(16).fill(7));
    expect(await engine.job(job.id).result()).toEqual({ kept: new Uint8Array(16).fill(7) });
  });

  it("is copied where results are kept in a file", async () => {
    const engine = await startEngine({ ...options, storage: sqliteStorage({ path: newFile() }) });
    const job = await engine.enqueue(make, 16);
    const [first, second] = await Promise.all([job.result(), job.result()]);
    expect([first, second]).toEqual([1, 2].map(() => ({ kept: new Uint8Array(16).fill(7) })));
    expect(await engine.job(job.id).result()).toEqual({ kept: new Uint8Array(16).fill(7) });
    expect(await engine.run("check", null)).toBe(16);
  });

  it("waits for whoever holds the handle, and is not kept for others", async () => {
    const engine = await startEngine(options);
    const job = await engine.enqueue(make, 16);
    await nextEvent(engine, "completed");
    await engine.drain();
    const error = await rejection(engine.job(job.id).result());
    expect(error).toBeInstanceOf(PayloadLostError);
    expect((error as Error).message).toContain("moved");
    expect((await job.result()).kept).toHaveLength(16);
    expect(await job.info()).toMatchObject({ state: "completed" });
  });

  it("is gone for latecomers also when an earlier run had failed", async () => {
    const engine = await startEngine(options);
    const job = await engine.enqueue("second", 8, { backoff: linear(0) });
    await job.result();
    await expect(engine.job(job.id).result()).rejects.toThrow(/moved to whoever awaited it first/);
  });

  it("that does not occur in the result fails the run", async () => {
    const engine = await startEngine(options);
    await expect(engine.run("foreign", null, { maxRetries: 0 })).rejects.toMatchObject({ cause: { code: "MILLRACE_PAYLOAD" } });
    expect(await engine.run("measure", image(8))).toMatchObject({ length: 8 });
  });
});
