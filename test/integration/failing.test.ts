/** Runs that fail: whatever a job throws or returns, it is one failed run, and its neighbours never notice. */

import { type Engine, JobError, UnrecoverableError } from "millrace";
import { defineJob, linear } from "millrace/jobs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEngine } from "millrace";
import { jobsModule, nextEvent, rejection, startEngine } from "./engines.js";

const options = { jobs: jobsModule("throwing.js"), maxResult: "1mb", queues: { default: { threads: 1, concurrency: 2 } } } as const;
const misbehave = defineJob<string>({ name: "misbehave", maxRetries: 0 });
const neighbour = defineJob<number, number>({ name: "neighbour" });

/** By kind: the name and the message of the original error. */
const KINDS: readonly (readonly [kind: string, name: string, message: string | RegExp])[] = [
  ["error", "RangeError", "plain"],
  ["rejection", "TypeError", "rejected"],
  ["undefined", "NonError", /undefined/],
  ["null", "NonError", /null/],
  ["rejected null", "NonError", /null/],
  ["rejected undefined", "NonError", /undefined/],
  ["string", "NonError", /"just text"/],
  ["number", "NonError", /42/],
  ["false", "NonError", /false/],
  ["bigint", "NonError", /bigint/],
  ["symbol", "NonError", /Symbol\(token\)/],
  ["function", "NonError", /function thrower/],
  ["object", "NonError", "an object"],
  ["null prototype", "NonError", /an object/],
  ["array", "NonError", /an array/],
  ["frozen", "Error", "frozen"],
  ["getters", "Error", ""],
  ["proxy", "NonError", /Non-error thrown/],
  ["revoked proxy", "NonError", /Non-error thrown/],
  ["huge", "Error", /^x{8192}… \(19991808 more characters\)$/],
  ["lone surrogate", "Error", "\ufffd half"],
  ["odd names", "Error", "odd"],
  ["aggregate", "AggregateError", "several"],
  ["cause chain", "Error", "outer"],
  ["cyclic cause", "Error", "round"],
  ["custom", "QueryError", "query failed"],
  ["DOMException", "AbortError", "gone"],
  ["stack overflow", "RangeError", /call stack/],
  ["class from a vm", "RangeError", "from another realm"],
  ["thenable that throws", "Error", "then broke"],
  ["thenable that rejects", "Error", "thenable rejected"],
  ["function as result", "PayloadError", /^result\.a\[1\]\.callback cannot/],
  ["cycle as result", "PayloadError", /^result\.list\[0\]/],
  ["class instance as result", "PayloadError", /^result\.when cannot.*Thing/],
  ["result whose getter throws", "PayloadError", /^result\.value cannot/],
  ["result that is too big", "PayloadError", /^result cannot.*limit/],
  ["proxy as result", "Error", "has trap"],
  ["bad progress", "OptionsError", /progress/],
  ["bad snooze", "OptionsError", /delay.*"soon"/],
  ["bad enqueue", "PayloadError", /^payload cannot/],
];

describe("a run that fails", () => {
  let engine: Engine;
  const exits: unknown[] = [];
  beforeAll(async () => {
    engine = createEngine(options);
    engine.on("thread:exited", (event) => exits.push(event));
    await engine.start();
  });
  afterAll(async () => {
    // Not one of them harmed the thread.
    expect(exits).toEqual([]);
    await engine.stop();
  });

  it.each(KINDS)("by: %s", async (kind, name, message) => {
    const [before, bad, beside] = await Promise.all([
      engine.enqueue(neighbour, 1),
      engine.enqueue(misbehave, kind),
      engine.enqueue(neighbour, 2),
    ]);
    const error = await rejection(bad.result());
    expect(error).toBeInstanceOf(JobError);
    const { cause } = error as { cause: Error };
    expect(cause).toBeInstanceOf(Error);
    expect(cause).toMatchObject({ name, message: typeof message === "string" ? message : (expect.stringMatching(message) as string) });
    expect(error).toMatchObject({ code: "MILLRACE_JOB_FAILED", jobId: bad.id, jobName: "misbehave", runs: 1 });
    for (const part of ['"misbehave"', bad.id, "1 run", cause.message]) expect((error as Error).message).toContain(part);
    expect(await bad.info()).toMatchObject({ state: "dead", attempt: 1, error: { name, message: cause.message } });
    expect(await Promise.all([before.result(), beside.result()])).toEqual([1, 2]);
    expect(await engine.run(neighbour, 3)).toBe(3);
  });

  it("rebuilds the original error: name, message, stack, code, cause, errors and plain properties", async () => {
    const { cause } = (await rejection(engine.run(misbehave, "custom"))) as { cause: Error & Record<string, unknown> };
    expect(cause).toMatchObject({ name: "QueryError", message: "query failed", code: "ER_BAD_FIELD", sql: "select 1", at: new Date(0) });
    expect(cause.stack).toContain("throwing.js");
    expect(cause.cause).toBeInstanceOf(TypeError);
    expect(cause.cause).toMatchObject({ message: "bad column" });
    const several = ((await rejection(engine.run(misbehave, "aggregate"))) as { cause: AggregateError }).cause;
    expect(several).toBeInstanceOf(AggregateError);
    expect(several.errors).toMatchObject([{ name: "RangeError", message: "one" }, { name: "NonError" }, { name: "NonError" }]);
    const chain = ((await rejection(engine.run(misbehave, "cause chain"))) as Error).cause as Error;
    expect(chain).toMatchObject({ message: "outer", cause: { name: "TypeError", message: "middle", cause: { name: "NonError" } } });
  });

  it("is told in the events and in info with the same error", async () => {
    const dead = nextEvent(engine, "dead");
    const job = await engine.enqueue(misbehave, "custom");
    const { error } = await dead;
    expect(error).toMatchObject({ name: "QueryError", message: "query failed", code: "ER_BAD_FIELD" });
    expect((await job.info())?.error).toEqual(error);
  });

  it("is told to latecomers as well", async () => {
    const job = await engine.enqueue(misbehave, "custom");
    const error = await rejection(job.result());
    const late = await rejection(engine.job(job.id).result());
    expect(late).toBeInstanceOf(JobError);
    expect(late).toMatchObject({ message: (error as Error).message, cause: { name: "QueryError", sql: "select 1" } });
  });
});

describe("UnrecoverableError", () => {
  it.each(["plain", "subclass", "marked"])("sends the job to dead at once: %s", async (how) => {
    const engine = await startEngine(options);
    const retrying: unknown[] = [];
    engine.on("retrying", (event) => retrying.push(event));
    const job = await engine.enqueue("unrecoverable", how, { maxRetries: 9 });
    await expect(job.result()).rejects.toMatchObject({ code: "MILLRACE_JOB_FAILED", runs: 1, cause: { message: "no use" } });
    expect(await job.info()).toMatchObject({ state: "dead", attempt: 1 });
    expect(retrying).toEqual([]);
  });

  it("as a mere cause changes nothing, and is one class from both entries", async () => {
    const engine = await startEngine(options);
    const job = await engine.enqueue("unrecoverable", "as cause", { maxRetries: 1, backoff: linear(0) });
    await expect(job.result()).rejects.toMatchObject({ runs: 2 });
    const { UnrecoverableError: other } = await import("millrace/jobs");
    expect(other).toBe(UnrecoverableError);
    expect(new UnrecoverableError("a", { cause: 1 })).toMatchObject({ name: "UnrecoverableError", code: "MILLRACE_UNRECOVERABLE", cause: 1 });
  });
});

describe("a backoff function", () => {
  it("is called in the thread with the attempt and the error", async () => {
    const engine = await startEngine(options);
    expect(await engine.run(defineJob({ name: "custom backoff", backoff: () => 0 }), 2)).toEqual([[1, "run 1", true], [2, "run 2", true]]);
  });

  it.each(["throws", "NaN", "negative", "text", "promise"])("that %s leaves the default backoff", async (answer) => {
    const engine = await startEngine(options);
    const job = await engine.enqueue(defineJob({ name: `backoff ${answer}`, backoff: () => 0 }), null);
    const { runAt } = await nextEvent(engine, "retrying");
    const startedAt = (await job.info())?.createdAt ?? NaN;
    expect(runAt - startedAt).toBeGreaterThan(1_700);
    expect(runAt - startedAt).toBeLessThan(10_000);
  });
});
