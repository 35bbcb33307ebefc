/** Wrong options of every call: an `OptionsError` that names the option, and nothing stored. */

import { createEngine, type Engine, type EngineOptions, memoryStorage, MillraceError, OptionsError, type Storage } from "millrace";
import { defineJob, defineJobs, exponential, implement, linear, transfer } from "millrace/jobs";
import { describe, expect, it } from "vitest";
import { jobsModule, newEngine } from "./engines.js";
import { replacing } from "./storages.js";

type Wrong = readonly [option: string, value: unknown];

const WRONG_DURATIONS = [NaN, -1, Infinity, "", "5", "5 s", "five", "-5s", "1e3s", null, {}, true, 5n];
const WRONG_COUNTS = [NaN, -1, 1.5, "5", null, {}, true];
const WRONG_NAMES = ["", "x".repeat(257), "a\0b", "\ud800", 5, null, {}];

function each(option: string, values: readonly unknown[]): Wrong[] {
  return values.map((value) => [option, value]);
}

function title(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 12)) : typeof value === "bigint" ? `${value}n` : String(value);
}

/** What a call throws or rejects with. */
async function outcome(call: () => unknown): Promise<unknown> {
  try {
    return { returned: await call() };
  } catch (error) {
    return error;
  }
}

async function expectRefusal(call: () => unknown, option: string): Promise<void> {
  const error = await outcome(call);
  expect(error).toBeInstanceOf(OptionsError);
  expect(error).toBeInstanceOf(MillraceError);
  expect(error).toMatchObject({ name: "OptionsError", code: "MILLRACE_OPTIONS" });
  expect((error as Error).message).toContain(option.split(".").at(-1));
}

/** A storage that fails the test when it is written to. */
function untouched(): Storage {
  const refuse = (): never => {
    throw new Error("something was stored");
  };
  return replacing(() => ({ enqueue: refuse, saveSchedule: refuse, pause: refuse, change: refuse, cancel: refuse, tick: refuse }));
}

describe("options of a job", () => {
  const wrong: Wrong[] = [
    ...each("queue", WRONG_NAMES),
    ...each("delay", WRONG_DURATIONS),
    ...each("runAt", [NaN, Infinity, "2024-01-01", new Date(NaN), null, 9e15, {}]),
    ...each("priority", [NaN, Infinity, "1", null, {}]),
    ...each("maxRetries", WRONG_COUNTS),
    ...each("backoff", [null, 5, "exponential", {}, () => 5, { kind: "linear" }, { kind: "linear", delayMs: NaN }, { kind: "exponential", base: 2 }]),
    ...each("timeout", [0, "0s", ...WRONG_DURATIONS]),
    ...each("unique", ["", null, 5, {}, { key: "" }, { key: "a", until: "dead" }, { key: "a", more: 1 }, "x".repeat(257)]),
    ...each("meta", [null, "a", [], { a: 1 }, { a: null }, { a: "x".repeat(4097) }]),
    ...each("retries", [3]),
  ];
  it.each(wrong.map((row) => [row[0], title(row[1]), row] as const))("%s: %s", async (option, _, [, value]) => {
    const engine = newEngine({ storage: untouched() });
    const options = { [option]: value } as object;
    await expectRefusal(() => engine.enqueue("echo", 1, options), option);
    await expectRefusal(() => engine.enqueueMany("echo", [1], options), option);
    await expectRefusal(() => engine.run("echo", 1, options), option);
    await expectRefusal(() => engine.every("1s", "echo", 1, options), option);
  });

  it.each([[null], [[new Uint8Array(1)]], [new ArrayBuffer(1)], [["a"]]])("transfer: %s", async (value) => {
    const engine = newEngine({ storage: untouched() });
    await expectRefusal(() => engine.enqueue("echo", 1, { transfer: value as never }), "transfer");
  });

  it("delay next to runAt, and anything that is no object", async () => {
    const engine = newEngine({ storage: untouched() });
    await expectRefusal(() => engine.enqueue("echo", 1, { delay: 1, runAt: 1 }), "runAt");
    for (const options of [null, 5, "queue", []]) {
      await expectRefusal(() => engine.enqueue("echo", 1, options as never), "options");
      await expectRefusal(() => engine.enqueueMany("echo", [], options as never), "options");
      await expectRefusal(() => engine.run("echo", 1, options as never), "options");
      await expectRefusal(() => engine.every("1s", "echo", 1, options as never), "options");
    }
  });
});

describe("messages", () => {
  it("name the call, and all the options it has", async () => {
    const engine = newEngine({ storage: untouched() });
    const wrong = { wrong: 1 } as object;
    const common = "queue, .*priority, maxRetries, backoff, timeout, unique, meta";
    await expect(engine.enqueue("echo", 1, wrong)).rejects.toThrow(new RegExp(`^enqueue has no option "wrong"; it knows ${common}, transfer, signal$`));
    await expect(engine.run("echo", 1, wrong)).rejects.toThrow(new RegExp(`^run has no option "wrong"; it knows ${common}, transfer, signal$`));
    await expect(engine.every("1s", "echo", 1, wrong)).rejects.toThrow(new RegExp(`^every has no option "wrong"; it knows name, overlap, ${common}$`));
    await expect(engine.every("1s", "echo", 1, wrong)).rejects.not.toThrow(/delay|runAt/);
  });

  it("do not offer what is refused as well", async () => {
    const engine = newEngine({ storage: untouched() });
    await expect(engine.list({ limit: 0 })).rejects.toThrow(/^limit must be a whole number from 1, but is 0$/);
    await expect(engine.list({ limit: Infinity })).rejects.toThrow(/^limit must be a whole number from 1, but is Infinity$/);
    await expect(engine.enqueue("echo", 1, { unique: { key: "" } })).rejects.toThrow(/^unique\.key must be/);
  });
});

describe("the calls of an engine", () => {
  const calls: readonly (readonly [option: string, call: (engine: Engine, wrong: never) => unknown, wrong: readonly unknown[]])[] = [
    ["job", (engine, wrong: string) => engine.enqueue(wrong, 1), [null, undefined, 5, {}, { name: 5 }, Symbol("a")]],
    ["job", (engine, wrong: string) => engine.enqueueMany(wrong, [1]), [null, undefined, 5, {}]],
    ["job", (engine, wrong: string) => engine.run(wrong, 1), [null, undefined, 5, {}]],
    ["job", (engine, wrong: string) => engine.every("1s", wrong, 1), [null, undefined, 5, {}]],
    ["name of the job", (engine, wrong: string) => engine.enqueue(wrong, 1), ["", "x".repeat(257), { name: "" }]],
    ["signal", (engine, wrong) => engine.run("echo", 1, { signal: wrong }), [null, 5, {}, new AbortController()]],
    ["signal", (engine, wrong) => engine.enqueue("echo", 1, { signal: wrong }), [null, 5, {}, new AbortController()]],
    ["signal", (engine, wrong) => engine.enqueueMany("echo", [1], { signal: wrong }), [null, 5, {}, new AbortController()]],
    ["signal", (engine) => engine.every("1s", "echo", 1, { signal: AbortSignal.timeout(1) } as object), [undefined]],
    ["interval", (engine, wrong) => engine.every(wrong, "echo", 1), [0, "0s", 0.5, ...WRONG_DURATIONS]],
    ["name", (engine, wrong) => engine.every("1s", "echo", 1, { name: wrong }), WRONG_NAMES],
    ["overlap", (engine, wrong) => engine.every("1s", "echo", 1, { overlap: wrong }), ["queue", null, 5, true]],
    ["delay", (engine) => engine.every("1s", "echo", 1, { delay: "1s" } as object), [undefined]],
    ["runAt", (engine) => engine.every("1s", "echo", 1, { runAt: 1 } as object), [undefined]],
    ["transfer", (engine) => engine.every("1s", "echo", 1, { transfer: [] } as object), [undefined]],
    ["id", (engine, wrong) => engine.job(wrong), ["", null, undefined, 5, {}]],
    ["id", (engine, wrong) => engine.info(wrong), ["", null, undefined, 5, {}]],
    ["id", (engine, wrong) => engine.cancel(wrong), ["", null, undefined, 5, {}]],
    ["id", (engine, wrong) => engine.retry(wrong), ["", null, undefined, 5, {}]],
    ["id", (engine, wrong) => engine.remove(wrong), ["", null, undefined, 5, {}]],
    ["queue", (engine, wrong) => engine.pause(wrong), [undefined, ...WRONG_NAMES]],
    ["queue", (engine, wrong) => engine.resume(wrong), [undefined, ...WRONG_NAMES]],
    ["list", (engine, wrong) => engine.list(wrong), [null, 5, "dead", { status: "dead" }]],
    ["state", (engine, wrong) => engine.list({ state: wrong }), ["failed", null, 5]],
    ["limit", (engine, wrong) => engine.list({ limit: wrong }), [0, Infinity, ...WRONG_COUNTS]],
    ["queue", (engine, wrong) => engine.list({ queue: wrong }), WRONG_NAMES],
    ["name", (engine, wrong) => engine.list({ name: wrong }), WRONG_NAMES],
    ["after", (engine, wrong) => engine.list({ after: wrong }), [5, null, {}]],
    ["drain", (engine, wrong) => engine.drain(wrong), [null, 5, "default", { queue: "default" }]],
    ["queues", (engine, wrong) => engine.drain({ queues: wrong }), ["default", null, 5, [5], [""]]],
    ["timeout", (engine, wrong) => engine.drain({ timeout: wrong }), WRONG_DURATIONS],
    ["signal", (engine, wrong) => engine.drain({ signal: wrong }), [null, 5, {}]],
    ["result", (engine, wrong) => engine.job("a").result(wrong), [null, 5, "1s", { wait: 5 }]],
    ["timeout", (engine, wrong) => engine.job("a").result({ timeout: wrong }), WRONG_DURATIONS],
    ["signal", (engine, wrong) => engine.job("a").result({ signal: wrong }), [null, 5, {}]],
    ["listener", (engine, wrong) => engine.job("a").onProgress(wrong), [null, undefined, 5, {}]],
    ["event", (engine, wrong) => engine.on(wrong, () => undefined), ["done", "", null, 5, "toString", "__proto__"]],
    ["listener", (engine, wrong) => engine.on("dead", wrong), [null, undefined, 5, {}]],
    ["timeout", (engine, wrong) => engine.stop({ timeout: wrong }), WRONG_DURATIONS],
    ["stop", (engine, wrong) => engine.stop(wrong), [null, 5, "1s", { wait: 5 }]],
  ];
  it.each(calls.map((row) => [row[0], String(row[1]).replace(/^.*=>\s*engine\./s, ""), row] as const))("%s: %s", async (option, _, [, call, wrong]) => {
    const engine = newEngine({ storage: untouched() });
    for (const value of wrong) await expectRefusal(() => call(engine, value as never), option);
    // Refused, the engine is as it was.
    expect(await engine.list()).toEqual({ jobs: [], next: null });
  });

  it("start without jobs", async () => {
    await expectRefusal(() => createEngine().start(), "jobs");
  });
});

describe("createEngine", () => {
  const wrong: Wrong[] = [
    ...each("jobs", [null, 5, "jobs.js", "./jobs.js", "", "https://example.org/jobs.js", new URL("data:text/javascript,1"), "file://host/jobs.js", "file:///a%2fb.js"]),
    ...each("storage", [null, 5, "memory", {}, memoryStorage]),
    ...each("queues", [null, [], "images", 5]),
    ...each("queues.images", [null, 4, "4", { workers: 4 }]),
    ...each("queues.", [{}]),
    ...each("queues.images.threads", [Infinity, ...WRONG_COUNTS]),
    ...each("queues.images.maxQueued", [0, ...WRONG_COUNTS]),
    ...each("maxDepth", WRONG_COUNTS),
    ...each("queues.images.concurrency", [0, 1_025, Infinity, ...WRONG_COUNTS]),
    ...each("queues.images.timeout", [0, "0s", ...WRONG_DURATIONS]),
    ...each("queues.images.resourceLimits", [null, 5, { heap: 5 }, { stackSizeMb: 0 }, { maxOldGenerationSizeMb: NaN }]),
    ...each("resourceLimits", [null, 5, { heap: 5 }, { stackSizeMb: -1 }]),
    ...each("retention", [null, 5, { failed: {} }]),
    ...each("retention.completed", [null, 5, { max: 1 }]),
    ...each("retention.completed.age", WRONG_DURATIONS),
    ...each("retention.dead.count", WRONG_COUNTS),
    ...each("retention.bytes", [NaN, -1, Infinity, "64", "64 mb", "64MB", null, {}]),
    ...each("execArgv", [null, "--import tsx", [5], {}]),
    ...each("env", [null, "A=1", [], { A: 1 }]),
    ...each("bootTimeout", [0, ...WRONG_DURATIONS]),
    ...each("grace", WRONG_DURATIONS),
    ...each("maxPayload", [NaN, -1, "64", null]),
    ...each("maxResult", [NaN, -1, "64", null]),
    ...each("threads", [4]),
  ];
  it.each(wrong.map((row) => [row[0], title(row[1]), row] as const))("%s: %s", async (option, _, [path, value]) => {
    const nested = path.split(".").reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    await expectRefusal(() => createEngine(nested as EngineOptions), option === "queues." ? "name of a queue" : option);
  });

  it("anything that is no object", async () => {
    for (const options of [null, 5, "jobs.js", []]) await expectRefusal(() => createEngine(options as never), "createEngine");
  });

  it("options that are left out are as good as undefined ones", () => {
    const names = ["jobs", "storage", "queues", "retention", "resourceLimits", "execArgv", "env", "bootTimeout", "grace", "maxPayload", "maxResult", "maxDepth"];
    expect(() => createEngine(Object.fromEntries(names.map((name) => [name, undefined])))).not.toThrow();
  });

  it("blames limits for all queues on the option that has them, not on a queue", () => {
    expect(() => createEngine({ queues: { images: {} }, resourceLimits: { stackSizeMb: -1 } })).toThrow(/^resourceLimits\.stackSizeMb must be/);
  });

  it("takes a URL, a file: string and an absolute path", () => {
    const url = jobsModule("basics.js");
    for (const jobs of [url, url.href, url.pathname]) expect(() => createEngine({ jobs })).not.toThrow();
  });

  it("threads that Node cannot start", async () => {
    await expectRefusal(() => newEngine({ execArgv: ["--no-such-option"] }).start(), "execArgv");
  });
});

describe("millrace/jobs", () => {
  const run = (): number => 1;
  const rows: readonly (readonly [option: string, call: (wrong: never) => unknown, wrong: readonly unknown[]])[] = [
    ["defineJob", (wrong) => defineJob(wrong), [null, undefined, 5, "name", { name: "a", run, retries: 1 }]],
    ["name", (wrong) => defineJob({ name: wrong, run }), [undefined, ...WRONG_NAMES]],
    ["queue", (wrong) => defineJob({ name: "a", queue: wrong, run }), WRONG_NAMES],
    ["maxRetries", (wrong) => defineJob({ name: "a", maxRetries: wrong, run }), WRONG_COUNTS],
    ["backoff", (wrong) => defineJob({ name: "a", backoff: wrong, run }), [null, 5, "linear", {}]],
    ["timeout", (wrong) => defineJob({ name: "a", timeout: wrong, run }), [0, "0s", ...WRONG_DURATIONS]],
    ["payload", (wrong) => defineJob({ name: "a", payload: wrong, run }), [null, 5, "schema", {}, { parse: run }]],
    ["run", (wrong) => defineJob({ name: "a", run: wrong }), [null, 5, "run", {}]],
    ["implement", (wrong) => implement(wrong, run), [null, undefined, 5, "name"]],
    ["name", (wrong) => implement(wrong, run), [{}, { name: "" }]],
    ["run", (wrong) => implement(defineJob({ name: "a" }), wrong), [null, undefined, 5, {}]],
    ["defineJobs", (wrong) => defineJobs(wrong), [null, undefined, 5, [], { jobs: [], setup: run }]],
    ["jobs", (wrong) => defineJobs({ jobs: wrong }), [null, undefined, 5, {}, [null], [5], [run]]],
    ["run", (wrong) => defineJobs({ jobs: wrong }), [[{}], [defineJob({ name: "a" })]]],
    ["two jobs", (wrong) => defineJobs({ jobs: wrong }), [[defineJob({ name: "a", run }), defineJob({ name: "a", run })]]],
    ["state", (wrong) => defineJobs({ jobs: [], state: wrong }), [null, 5, {}]],
    ["dispose", (wrong) => defineJobs({ jobs: [], dispose: wrong }), [null, 5, {}]],
    ["exponential", (wrong) => exponential(wrong), [null, 5, "2", { factor: 2 }]],
    ["base", (wrong) => exponential({ base: wrong }), [NaN, -1, Infinity, "2", null]],
    ["maxDelay", (wrong) => exponential({ maxDelay: wrong }), WRONG_DURATIONS],
    ["jitter", (wrong) => exponential({ jitter: wrong }), [NaN, -0.1, 1.1, "0", null]],
    ["delay", (wrong) => linear(wrong), [undefined, ...WRONG_DURATIONS]],
    ["transfer", (wrong) => transfer(1, wrong), [null, undefined, 5, {}, [new Uint8Array(1)]]],
  ];
  it.each(rows.map((row) => [row[0], String(row[1]).replace(/^.*?=>\s*/s, ""), row] as const))("%s: %s", async (option, _, [, call, wrong]) => {
    for (const value of wrong) await expectRefusal(() => call(value as never), option);
  });
});
