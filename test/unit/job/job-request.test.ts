import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, it } from "vitest";
import { OptionsError, PayloadError, ValidationError } from "../../../src/errors.js";
import { DEFAULT_BACKOFF, linear } from "../../../src/job/backoff.js";
import { defineJob } from "../../../src/job/define-job.js";
import type { EnqueueOptions } from "../../../src/job/enqueue-options.js";
import { checkedRequest, issuesError, type JobRequest, parsePolicy, toNewJob } from "../../../src/job/job-request.js";
import { decode } from "../../../src/job/payload.js";

const LATEST_TIME = 8.64e15;
const LIMITS = { maxPayload: 10_000, canTransfer: true, options: undefined };
const spec = defineJob({ name: "job", queue: "images", maxRetries: 3, backoff: linear(7), timeout: 50 });

function schema(validate: StandardSchemaV1["~standard"]["validate"]): StandardSchemaV1 {
  return { "~standard": { version: 1, vendor: "test", validate } };
}

describe("the policy of a job", () => {
  it("is the default for a name", () => {
    expect(parsePolicy("job")).toEqual({
      ...{ name: "job", queue: "default", priority: 0, depth: 0, maxRetries: 5, backoff: DEFAULT_BACKOFF, timeoutMs: null },
      ...{ delayMs: null, runAt: null, unique: null, meta: {} },
    });
  });

  it("is the definition's, where that says something", () => {
    expect(parsePolicy(spec)).toMatchObject({ name: "job", queue: "images", maxRetries: 3, backoff: linear(7), timeoutMs: 50 });
    expect(parsePolicy(defineJob({ name: "bare" }))).toEqual(parsePolicy("bare"));
  });

  it.each<readonly [EnqueueOptions, Partial<JobRequest>]>([
    [{ queue: "other" }, { queue: "other" }],
    [{ maxRetries: 0 }, { maxRetries: 0 }],
    [{ maxRetries: Infinity }, { maxRetries: Infinity }],
    [{ backoff: linear("1s") }, { backoff: linear("1s") }],
    [{ timeout: "2s" }, { timeoutMs: 2_000 }],
    [{ priority: -1.5 }, { priority: -1.5 }],
    [{ delay: 0 }, { delayMs: 0, runAt: null }],
    [{ delay: "1h" }, { delayMs: 3_600_000, runAt: null }],
    [{ runAt: 0 }, { runAt: 0, delayMs: null }],
    [{ runAt: -LATEST_TIME }, { runAt: -LATEST_TIME }],
    [{ runAt: new Date(LATEST_TIME) }, { runAt: LATEST_TIME }],
    [{ unique: "key" }, { unique: { key: "key", until: "finished" } }],
    [{ unique: { key: "key" } }, { unique: { key: "key", until: "finished" } }],
    [{ unique: { key: "key", until: "started" } }, { unique: { key: "key", until: "started" } }],
    [{ meta: { tenant: "one", "": "" } }, { meta: { tenant: "one", "": "" } }],
    [{ meta: { a: "x".repeat(4_095) } }, { meta: { a: "x".repeat(4_095) } }],
  ])("%o wins over the definition", (options, expected) => {
    expect(parsePolicy(spec, options)).toEqual({ ...parsePolicy(spec), ...expected });
  });

  it("leaves the backoff to the thread when it is a function, unless an option says otherwise", () => {
    const custom = defineJob({ name: "job", backoff: () => 5 });
    expect(parsePolicy(custom).backoff).toBeNull();
    expect(parsePolicy(custom, { backoff: linear(5) }).backoff).toEqual(linear(5));
  });

  it("is not touched by a later change of its options", () => {
    const meta = { tenant: "one" };
    const policy = parsePolicy("job", { meta });
    meta.tenant = "two";
    expect(policy.meta).toEqual({ tenant: "one" });
  });

  it.each<readonly [Readonly<Record<string, unknown>>, RegExp]>([
    ...["", "x".repeat(257), "a\0b", 5, null].map((queue) => [{ queue }, /^queue must be a string/] as const),
    ...[-1, 1.5, NaN, "3", null].map((maxRetries) => [{ maxRetries }, /^maxRetries must be a whole number/] as const),
    ...[NaN, Infinity, "1", null].map((priority) => [{ priority }, /^priority must be a finite number/] as const),
    ...[5, {}, () => 5, null, { kind: "linear", delayMs: NaN }].map((backoff) => [{ backoff }, /^backoff must come from/] as const),
    ...[0, -1, NaN, "soon", null].map((timeout) => [{ timeout }, /^timeout must be a duration of at least/] as const),
    ...[-1, NaN, Infinity, "soon", null].map((delay) => [{ delay }, /^delay must be a duration/] as const),
    ...[NaN, Infinity, LATEST_TIME + 2, "now", null, {}].map((runAt) => [{ runAt }, /^runAt must be a Date or ms/] as const),
    [{ runAt: new Date(NaN) }, /an invalid Date/],
    [{ delay: 1, runAt: 1 }, /exclude each other/],
    ...["", "x".repeat(257), 5, null, [], {}, { key: "" }, { key: 5 }].map((unique) => [{ unique }, /unique/] as const),
    [{ unique: { key: "a", until: "never" } }, /unique\.until must be/],
    [{ unique: { key: "a", scope: "b" } }, /unique has no option "scope"/],
    ...["text", 5, null, ["a"]].map((meta) => [{ meta }, /^meta must be an object of strings/] as const),
    [{ meta: { tenant: 5 } }, /^meta\.tenant must be a string, but is 5/],
    [{ meta: { a: "x".repeat(4_096) } }, /meta may hold 4096 characters, but has 4097/],
    ...["buffer", [new Uint8Array(1)], [null], {}].map((transfer) => [{ transfer }, /^transfer must be an array of ArrayBuffers/] as const),
    [{ retries: 5 }, /enqueue has no option "retries"; it knows queue, delay/],
  ])("refuses %o", (options, message) => {
    expect(() => parsePolicy("job", options)).toThrow(OptionsError);
    expect(() => parsePolicy("job", options)).toThrow(message);
  });

  it.each<unknown>([undefined, null, 5, {}, { name: 5 }, [], "", "a\0b", { name: "" }])("refuses %o as a job", (job) => {
    expect(() => parsePolicy(job as string)).toThrow(OptionsError);
  });

  it("names the option before it reads the payload", () => {
    const buffer = new ArrayBuffer(4);
    const input = { ...LIMITS, job: "job", payload: buffer, options: { transfer: [buffer], priority: NaN } };
    expect(() => checkedRequest(input)).toThrow(OptionsError);
    expect(buffer.byteLength).toBe(4);
  });
});

describe("a checked request", () => {
  it("holds the payload as bytes, and the policy", () => {
    const request = checkedRequest({ ...LIMITS, job: spec, payload: { a: [1, undefined] } }) as JobRequest;
    expect(request).toEqual({ ...parsePolicy(spec), payload: expect.any(Uint8Array) as Uint8Array, attachments: [] });
    expect(decode({ bytes: request.payload, attachments: [] })).toEqual({ a: [1, undefined] });
  });

  it("is no promise without a schema, or with one that is not async", () => {
    const checked = defineJob({ name: "job", payload: schema((value) => ({ value: [value] })) });
    for (const job of ["job", spec, checked]) expect(checkedRequest({ ...LIMITS, job, payload: 5 })).not.toBeInstanceOf(Promise);
    // The input is stored; the thread makes the output.
    const request = checkedRequest({ ...LIMITS, job: checked, payload: 5 }) as JobRequest;
    expect(decode({ bytes: request.payload, attachments: [] })).toBe(5);
  });

  it("stores what an async schema was shown, though the object has changed since", async () => {
    const job = defineJob({ name: "job", payload: schema(async (value) => ({ value })) });
    const payload = { size: 1 };
    const checking = checkedRequest({ ...LIMITS, job, payload });
    payload.size = 2;
    expect(decode({ bytes: (await checking).payload, attachments: [] })).toEqual({ size: 1 });
  });

  it("rejects what a schema rejects, sooner or later, with plain issues", async () => {
    const issues = [{ message: "too big", path: ["list", 0, { key: Symbol("s") }] }, { message: "odd" }];
    const expected = { code: "MILLRACE_VALIDATION", issues: [{ message: "too big", path: ["list", 0, "Symbol(s)"] }, { message: "odd" }] };
    const now = defineJob({ name: "job", payload: schema(() => ({ issues })) });
    expect(() => checkedRequest({ ...LIMITS, job: now, payload: 5 })).toThrow(expect.objectContaining(expected) as Error);
    const later = defineJob({ name: "job", payload: schema(async () => ({ issues })) });
    await expect(checkedRequest({ ...LIMITS, job: later, payload: 5 })).rejects.toMatchObject(expected);
  });

  it("tells of a payload that cannot be packed, and leaves no rejection behind", async () => {
    const job = defineJob({ name: "job", payload: schema(async () => ({ issues: [{ message: "no" }] })) });
    expect(() => checkedRequest({ ...LIMITS, job, payload: () => 1 })).toThrow(PayloadError);
    expect(() => checkedRequest({ ...LIMITS, job: "job", payload: { deep: [() => 1] }, root: "payloads[3]" })).toThrow(/^payloads\[3\]\.deep\[0\]/);
    expect(() => checkedRequest({ ...LIMITS, job: "job", payload: "x".repeat(20_000) })).toThrow(PayloadError);
    await new Promise((resolve) => setImmediate(resolve));
  });

  it("moves buffers when everything is found good, and not before", async () => {
    const good = new ArrayBuffer(4);
    const request = checkedRequest({ ...LIMITS, job: "job", payload: { good }, options: { transfer: [good] } }) as JobRequest;
    expect([good.byteLength, request.attachments.map(({ byteLength }) => byteLength)]).toEqual([0, [4]]);
    const refused = new ArrayBuffer(4);
    for (const issues of [() => ({ issues: [{ message: "no" }] }), async () => ({ issues: [{ message: "no" }] })]) {
      const job = defineJob({ name: "job", payload: schema(issues) });
      const call = async (): Promise<unknown> => checkedRequest({ ...LIMITS, job, payload: { refused }, options: { transfer: [refused] } });
      await expect(call()).rejects.toBeInstanceOf(ValidationError);
      expect(refused.byteLength).toBe(4);
    }
    const late = new ArrayBuffer(4);
    const job = defineJob({ name: "job", payload: schema(async (value) => ({ value })) });
    const { attachments } = await checkedRequest({ ...LIMITS, job, payload: { late }, options: { transfer: [late] } });
    expect([late.byteLength, attachments.length]).toEqual([0, 1]);
  });

  it("copies buffers where they cannot be moved", () => {
    const buffer = new ArrayBuffer(4);
    const request = checkedRequest({ ...LIMITS, canTransfer: false, job: "job", payload: { buffer }, options: { transfer: [buffer] } }) as JobRequest;
    expect([buffer.byteLength, request.attachments]).toEqual([4, []]);
  });
});

describe("a new job", () => {
  const request = checkedRequest({ ...LIMITS, job: "job", payload: 1 }) as JobRequest;

  it.each<readonly [Partial<JobRequest>, number]>([
    [{}, 1_000],
    [{ delayMs: 0 }, 1_000],
    [{ delayMs: 2.5 }, 1_002.5],
    [{ delayMs: Number.MAX_VALUE }, LATEST_TIME],
    [{ runAt: 0 }, 0],
    [{ runAt: -5 }, -5],
    [{ runAt: LATEST_TIME }, LATEST_TIME],
  ])("of %o, made at 1000, is due at %d", (overrides, runAt) => {
    const job = toNewJob({ ...request, ...overrides }, "id", 1_000);
    expect(job).toMatchObject({ id: "id", createdAt: 1_000, runAt, name: "job" });
    expect(job).not.toHaveProperty("delayMs");
  });
});

describe("issuesError", () => {
  it("has a message for any list, even an empty one", () => {
    expect(issuesError("job", []).message).toMatch(/does not fit its schema: no reason given$/);
    expect(issuesError("job", [{ message: "odd", path: [] }]).message).toMatch(/schema: odd$/);
  });

  it("is thrown for any list, even an empty one", () => {
    const job = defineJob({ name: "job", payload: schema(() => ({ issues: [] })) });
    expect(() => checkedRequest({ ...LIMITS, job, payload: 1 })).toThrow(ValidationError);
  });
});
