/** What bad input gets, apart from wrong options (bad-options), results (failing) and jobs modules (jobs-module). */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { createEngine, JobError, memoryStorage, PayloadError, StorageError, ValidationError } from "millrace";
import { defineJob } from "millrace/jobs";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { jobsModule, newEngine, nextEvent, rejection, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";
import { countingWrites, replacing } from "./storages.js";

const datedSchema = z.object({ at: z.string().transform((text) => new Date(text)), width: z.number().optional() });
const dated = defineJob<{ year: number; width: number }, typeof datedSchema>({ name: "dated", payload: datedSchema });
/** A Standard Schema by hand, whose answer is a promise. */
const even: StandardSchemaV1<number> = {
  "~standard": {
    ...{ version: 1, vendor: "test" },
    validate: async (n) => (Number(n) % 2 === 0 ? { value: Number(n) } : { issues: [{ message: "odd", path: [{ key: "n" }, 0] }] }),
  },
};
const halved = defineJob<number, typeof even>({ name: "halved", payload: even });
const cycle: unknown[] = [1];
cycle.push(cycle);
const schemas = { jobs: jobsModule("schemas.js") };

describe("a payload that cannot be serialised, or is too big", () => {
  it.each([
    ["a function", { a: [1, { b: () => 1 }] }, "payload.a[1].b"],
    ["a class instance", { url: new URL("https://example.org") }, "payload.url"],
    ["a cycle", cycle, "payload[1]"],
    ["a value over the limit", { text: "x".repeat(2_000) }, "payload"],
    ["half a character", new Map([["key", "\ud800"]]), 'payload.get("key")'],
  ])("rejects the call with the path: %s", async (_, payload, path) => {
    const { storage, writes } = countingWrites();
    const engine = newEngine({ storage, maxPayload: "1kb" });
    for (const call of [() => engine.enqueue("echo", payload), () => engine.run("echo", payload), () => engine.every("1h", "echo", payload)]) {
      const error = await rejection(call());
      expect(error).toBeInstanceOf(PayloadError);
      expect(error).toMatchObject({ code: "MILLRACE_PAYLOAD" });
      expect((error as PayloadError).path).toContain(path);
    }
    expect(writes).toEqual([]);
    expect(await engine.schedules()).toEqual([]);
  });

  it("has room for exactly as much as it may", async () => {
    const engine = newEngine({ maxPayload: 1_000 });
    await engine.enqueue("echo", new Uint8Array(900));
    await expect(engine.enqueue("echo", new Uint8Array(1_000))).rejects.toThrow(/1000|limit/);
  });
});

describe("a payload that fails its schema", () => {
  it("rejects the call with the issues", async () => {
    const { storage, writes } = countingWrites();
    const engine = newEngine({ storage });
    const error = await rejection(engine.enqueue(dated, { at: 5 } as never));
    expect(error).toBeInstanceOf(ValidationError);
    expect(error).toMatchObject({ code: "MILLRACE_VALIDATION", issues: [{ message: expect.any(String) as string, path: ["at"] }] });
    expect((error as Error).message).toMatch(/"dated".*at at$/);
    const later = await rejection(engine.enqueue(halved, 3));
    expect(later).toMatchObject({ code: "MILLRACE_VALIDATION", issues: [{ message: "odd", path: ["n", 0] }] });
    await expect(engine.every("1h", dated, {} as never)).rejects.toBeInstanceOf(ValidationError);
    expect(writes).toEqual([]);
  });

  it("stores the input and gives run the output", async () => {
    const engine = await startEngine(schemas);
    expect(await engine.run(dated, { at: "2024-02-03T00:00:00Z" })).toEqual({ year: 2024, width: 320 });
    expect(await engine.run(halved, 8)).toBe(4);
  });

  it("sends a stored payload to dead at once when only the thread finds out, since a retry cannot help", async () => {
    const engine = await startEngine(schemas);
    for (const [name, payload] of [["dated", { at: 5 }], ["halved", 3]] as const) {
      const job = await engine.enqueue(name, payload, { maxRetries: 9 });
      const error = await rejection(job.result());
      expect(error).toBeInstanceOf(JobError);
      expect(error).toMatchObject({ code: "MILLRACE_JOB_FAILED", runs: 1, cause: { name: "ValidationError", code: "MILLRACE_VALIDATION" } });
      expect(await job.info()).toMatchObject({ state: "dead", attempt: 1 });
    }
    expect(await engine.run(dated, { at: "2024-01-01" })).toMatchObject({ year: 2024 });
  });

  it("does the same for a schema that breaks in the thread", async () => {
    const engine = await startEngine(schemas);
    await expect(engine.run("throwing schema", 1)).rejects.toMatchObject({ runs: 1, cause: { name: "RangeError", message: "the schema broke" } });
    await expect(engine.run("nonsense schema", 1)).rejects.toMatchObject({ runs: 1 });
    for (const answer of ["undefined", "null", "issues that are null", "a getter that throws"]) {
      for (const when of ["now", "later"]) await expect(engine.run(`${answer}, ${when}`, 1)).rejects.toMatchObject({ runs: 1, code: "MILLRACE_JOB_FAILED" });
    }
    expect(await engine.run("foreign promise", 1)).toBe(2);
  });
});

describe("a job name the threads do not know", () => {
  it("waits, untouched, with one warning, and runs when a thread knows it", async () => {
    const storage = memoryStorage();
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    onTestFinished(() => void process.off("warning", onWarning));
    const engine = await startEngine({ storage });
    const jobs = await engine.enqueueMany("dated", [{ at: "2024-01-01" }, { at: "2025-01-01" }]);
    const more = await engine.enqueue("dated", { at: "2026-01-01" });
    // What is known runs past it.
    expect(await engine.run("echo", 1)).toBe(1);
    await engine.drain();
    expect(await more.info()).toMatchObject({ state: "waiting", attempt: 0, startedAt: null, error: null });
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/"default".*"dated"/)]);
    expect(await engine.stop()).toEqual({ completed: 0, returned: 3 });
    const next = await startEngine({ storage, ...schemas });
    const results = await Promise.all([...jobs, more].map(({ id }) => next.job(id, dated).result()));
    expect(results.map(({ year }) => year)).toEqual([2024, 2025, 2026]);
  });
});

describe("a storage that fails", () => {
  it("rejects the caller's promise with the cause, and nothing else", async () => {
    const cause = new Error("disk full");
    let isBroken = true;
    const storage = replacing((inner) => ({ enqueue: (jobs, now, limits) => (isBroken ? Promise.reject(cause) : inner.enqueue(jobs, now, limits)) }));
    const engine = await startEngine({ storage });
    const errors = await Promise.all([rejection(engine.enqueue("echo", 1)), rejection(engine.run("echo", 2)), rejection(engine.enqueueMany("echo", [3]))]);
    for (const error of errors) {
      expect(error).toBeInstanceOf(StorageError);
      expect(error).toMatchObject({ code: "MILLRACE_STORAGE", cause });
    }
    isBroken = false;
    expect(await engine.run("echo", 4)).toBe(4);
  });

  it("keeps what ran, and stores it as soon as that works again", async () => {
    let failures = 3;
    const storage = replacing((inner) => ({
      complete: (transitions) => {
        failures -= 1;
        return failures >= 0 ? Promise.reject(new Error("disk full")) : inner.complete(transitions);
      },
    }));
    const engine = await startEngine({ storage });
    const errors: unknown[] = [];
    engine.on("error", ({ error }) => errors.push(error));
    const starts: string[] = [];
    engine.on("started", ({ id }) => starts.push(id));
    const job = await engine.enqueue("echo", 1);
    expect(await job.result()).toBe(1);
    expect(starts).toEqual([job.id]);
    expect(await job.info()).toMatchObject({ state: "completed", attempt: 1 });
    expect(errors).toEqual([expect.any(StorageError), expect.any(StorageError), expect.any(StorageError)]);
  });

  it("claims again what a lost answer had claimed", async () => {
    let isBroken = true;
    const storage = replacing((inner) => ({
      claim: async (request) => {
        const jobs = await inner.claim(request);
        if (!isBroken || jobs.length === 0) return jobs;
        isBroken = false;
        throw new Error("the answer got lost");
      },
    }));
    const engine = await startEngine({ storage });
    engine.on("error", () => undefined);
    const job = await engine.enqueue("whoami", 1);
    expect(await job.result()).toMatchObject({ attempt: 1 });
  });

  it("that cannot be opened makes start and every call reject, until it can", async () => {
    let isBroken = true;
    const storage = replacing((inner) => ({ open: () => (isBroken ? Promise.reject(new Error("no such disk")) : inner.open()) }));
    const engine = newEngine({ storage });
    await expect(engine.start()).rejects.toMatchObject({ code: "MILLRACE_STORAGE" });
    await expect(engine.enqueue("echo", 1)).rejects.toMatchObject({ code: "MILLRACE_STORAGE" });
    await expect(engine.stats()).rejects.toMatchObject({ code: "MILLRACE_STORAGE" });
    isBroken = false;
    await engine.start();
    expect(await engine.run("echo", 1)).toBe(1);
  });

  it("that closes badly does not keep stop from its end", async () => {
    const engine = createEngine({ ...schemas, storage: replacing(() => ({ close: () => Promise.reject(new Error("busy")), disown: () => Promise.reject(new Error("busy")) })) });
    await engine.start();
    const errors: unknown[] = [];
    engine.on("error", ({ error }) => errors.push(error));
    expect(await engine.stop()).toEqual({ completed: 0, returned: 0 });
    expect(errors).toHaveLength(2);
  });

  it("that is owned by another engine lets start reject, and the other go on", async () => {
    const storage = memoryStorage();
    const first = await startEngine({ storage });
    const second = newEngine({ storage });
    await expect(second.start()).rejects.toThrow(/stop the other engine|owned/);
    expect(await first.run("echo", 1)).toBe(1);
    const gate = newGate();
    const running = await first.enqueue("wait", gate);
    await nextEvent(first, "log");
    await expect(second.start()).rejects.toBeInstanceOf(StorageError);
    await second.stop();
    open(gate);
    await running.result();
    expect(await running.info()).toMatchObject({ attempt: 1 });
    const spec = defineJob<number, number>({ name: "echo" });
    expect(await first.run(spec, 2)).toBe(2);
  });
});
