import { describe, expect, it } from "vitest";
import { OptionsError } from "../../../src/errors.js";
import { exponential, linear } from "../../../src/job/backoff.js";
import { defineJob, defineJobs, implement, type Job, type JobOptions } from "../../../src/job/define-job.js";

const run = (): number => 1;
const schema = { "~standard": { version: 1 as const, vendor: "test", validate: (value: unknown) => ({ value }) } };

describe("defineJob", () => {
  it("keeps what it was given, and nothing else", () => {
    expect(defineJob({ name: "bare", run })).toEqual({ name: "bare", run });
    const backoff = linear(5);
    const full = { name: "full", queue: "q", maxRetries: 3, backoff, timeout: "2s", payload: schema, run } as const;
    expect(defineJob(full)).toEqual({ name: "full", queue: "q", maxRetries: 3, backoff, timeoutMs: 2_000, schema, run });
  });

  it("is frozen, and not touched by a later change of its options", () => {
    const options = { name: "job", maxRetries: 1, run };
    const job = defineJob(options);
    options.maxRetries = 9;
    expect(job.maxRetries).toBe(1);
    expect(Object.isFrozen(job)).toBe(true);
  });

  it("without run is a spec", () => {
    expect(defineJob({ name: "spec", queue: "q" })).toEqual({ name: "spec", queue: "q" });
  });

  it.each<Partial<Record<keyof JobOptions | "payload" | "run", unknown>>>([
    ...["x", "x".repeat(256), "a/b:c,d e", "日本", "__proto__", "constructor"].map((name) => ({ name })),
    ...[0, 1, 1e9, Infinity].map((maxRetries) => ({ maxRetries })),
    ...[exponential(), linear(0), () => 5].map((backoff) => ({ backoff })),
    ...[1, "1ms", "30d"].map((timeout) => ({ timeout })),
    { payload: Object.assign(() => undefined, schema) },
    { queue: undefined, maxRetries: undefined, backoff: undefined, timeout: undefined, payload: undefined },
  ])("takes %o", (options) => {
    expect(() => defineJob({ name: "job", run, ...options } as never)).not.toThrow();
  });

  it.each<readonly [Readonly<Record<string, unknown>>, RegExp]>([
    ...["", "x".repeat(257), "a\0b", "\ud800", 5, null, undefined, {}].map((name) => [{ name }, /^name must be a string/] as const),
    ...["", "x".repeat(257), 5, null].map((queue) => [{ queue }, /^queue of job "job" must be a string/] as const),
    ...[-1, 1.5, NaN, -Infinity, "3", null, 3n].map((maxRetries) => [{ maxRetries }, /^maxRetries of job "job" must be a whole number/] as const),
    ...[5, "linear", null, {}, { kind: "linear" }].map((backoff) => [{ backoff }, /^backoff of job "job" must come from/] as const),
    ...[0, -1, "soon", null].map((timeout) => [{ timeout }, /^timeout of job "job" must be a duration of at least/] as const),
    ...[null, 5, "schema", {}, { "~standard": {} }, { "~standard": { validate: 5 } }].map((payload) => [{ payload }, /^payload of job "job" must be a Standard Schema/] as const),
    ...[null, 5, "run", {}].map((value) => [{ run: value }, /^run of job "job" must be a function/] as const),
    [{ retries: 3 }, /no option "retries"; it knows name, queue, maxRetries/],
    [{ heartbeat: 5_000 }, /no option "heartbeat"/],
  ])("refuses %o", (options, message) => {
    const define = (): unknown => defineJob({ name: "job", run, ...options } as never);
    expect(define).toThrow(OptionsError);
    expect(define).toThrow(message);
  });

  it.each<unknown>([undefined, null, "job", 5, [], () => 1])("refuses %o in place of options", (options) => {
    expect(() => defineJob(options as never)).toThrow(OptionsError);
  });
});

describe("implement", () => {
  it("adds run to a spec and leaves the spec as it is", () => {
    const spec = defineJob({ name: "job", queue: "q", maxRetries: 2 });
    const job = implement(spec, run);
    expect(job).toEqual({ ...spec, run });
    expect(Object.isFrozen(job)).toBe(true);
    expect("run" in spec).toBe(false);
  });

  it.each<readonly [unknown, unknown]>([
    [{ name: "job" }, null],
    [{ name: "job" }, undefined],
    [{ name: "job" }, "run"],
    [{}, run],
    [null, run],
    ["job", run],
  ])("refuses %o with %o", (spec, value) => {
    expect(() => implement(spec as never, value as never)).toThrow(OptionsError);
  });
});

describe("defineJobs", () => {
  const job = defineJob({ name: "job", run });

  it("says that it is a jobs module, and has what it was given", () => {
    const state = (): string => "state";
    const dispose = (): void => undefined;
    expect(defineJobs({ jobs: [job] })).toEqual({ jobs: [job], millrace: "jobs" });
    expect(defineJobs({ jobs: [job], state, dispose })).toEqual({ jobs: [job], state, dispose, millrace: "jobs" });
    expect(defineJobs({ jobs: [] })).toMatchObject({ millrace: "jobs" });
  });

  it.each<readonly [Readonly<Record<string, unknown>>, RegExp]>([
    [{ jobs: [job, defineJob({ name: "job", run: () => 2 })] }, /two jobs are named "job"/],
    [{ jobs: [job, job] }, /two jobs are named "job"/],
    [{ jobs: [job, defineJob({ name: "spec" })] }, /job "spec" has no run function: complete it with implement/],
    [{ jobs: job }, /jobs must be an array of jobs/],
    [{ jobs: { job } }, /jobs must be an array of jobs/],
    [{}, /jobs must be an array of jobs, but is undefined/],
    ...[null, undefined, "job", 5].map((value) => [{ jobs: [value] }, /jobs must come from defineJob/] as const),
    [{ jobs: [], state: {} }, /state must be a function/],
    [{ jobs: [], dispose: "free" }, /dispose must be a function/],
    [{ jobs: [], setup: run }, /no option "setup"; it knows state, dispose, jobs/],
  ])("refuses %o", (options, message) => {
    const define = (): unknown => defineJobs(options as { readonly jobs: readonly Job<never, unknown, undefined>[] });
    expect(define).toThrow(OptionsError);
    expect(define).toThrow(message);
  });
});
