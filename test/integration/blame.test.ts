/** Jobs that harm their thread: they pay for it, and those beside them do not. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EngineEvents, type EngineOptions, type JobHandle, JobOutOfMemoryError, JobTimeoutError, ThreadExitedError, type Engine } from "millrace";
import { linear } from "millrace/jobs";
import { describe, expect, it, onTestFinished } from "vitest";
import { jobsModule, nextEvent, rejection, said, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";

const ONCE = { maxRetries: 0 };

function misbehaving(options: EngineOptions = {}): Promise<Engine> {
  return startEngine({ jobs: jobsModule("misbehaving.js"), queues: { default: { threads: 1, concurrency: 4 } }, ...options });
}

/** Jobs that run until the gate opens. */
async function neighbours(engine: Engine, gate: string, count: number): Promise<readonly JobHandle[]> {
  const handles = [];
  for (let index = 0; index < count; index += 1) {
    const handle = await engine.enqueue("wait", gate, ONCE);
    await said(engine, handle.id, "waiting");
    handles.push(handle);
  }
  return handles;
}

/** From now on whichever of them runs may end. */
function openWhenAgain(engine: Engine, gate: string, beside: readonly JobHandle[]): void {
  engine.on("log", ({ id }) => {
    if (beside.some((one) => one.id === id)) open(gate);
  });
}

function record<Name extends keyof EngineEvents>(engine: Engine, name: Name): EngineEvents[Name][] {
  const events: EngineEvents[Name][] = [];
  engine.on(name, (event) => events.push(event));
  return events;
}

const LATE = ["timer that throws", "promise that rejects", "promise never awaited", "callback that throws", "emitter without listener"];

describe("code that a run has left behind", () => {
  it.each(LATE)("and fails: %s", async (kind) => {
    const engine = await misbehaving();
    const gate = newGate();
    const exited = nextEvent(engine, "thread:exited");
    const [neighbour] = await neighbours(engine, gate, 1);
    const told = nextEvent(engine, "late-error");
    const job = await engine.enqueue("late", kind, { meta: { by: "test" } });
    expect(await job.result()).toBe("done");
    expect(await told).toMatchObject({ id: job.id, name: "late", queue: "default", meta: { by: "test" }, attempt: 1, error: { name: "RangeError", message: "late" } });
    expect(await job.info()).toMatchObject({ state: "completed", attempt: 1, error: null });
    // The thread gets nothing new; what runs there ends as if nothing had been.
    const next = engine.run("echo", "on the next thread");
    open(gate);
    expect(await neighbour?.result()).toBe(1);
    expect(await exited).toMatchObject({ reason: "retired", exitCode: 0, charged: [], suspects: [], returned: [], error: { message: "late" } });
    expect(await next).toBe("on the next thread");
  });

  it("and ends the thread: the result stands, and whoever ran there runs again for nothing", async () => {
    const engine = await misbehaving();
    const gate = newGate();
    const [neighbour] = await neighbours(engine, gate, 1);
    const told = nextEvent(engine, "late-error");
    const exited = nextEvent(engine, "thread:exited");
    const again = said(engine, neighbour?.id ?? "", "waiting");
    const job = await engine.enqueue("exit later", 7, ONCE);
    expect(await job.result()).toBe("done");
    expect(await told).toMatchObject({ id: job.id, attempt: 1, error: { message: expect.stringContaining("process.exit with code 7") as string } });
    expect(await exited).toMatchObject({ reason: "exit", exitCode: 7, charged: [], returned: [neighbour?.id] });
    await again;
    open(gate);
    expect(await neighbour?.result()).toBe(1);
    expect(await job.info()).toMatchObject({ state: "completed", attempt: 1 });
  });
});

describe("code that fails beside its run", () => {
  it.each([true, false])("fails the run at once, and by its retry policy; its answer does not count (it stops: %s)", async (stops) => {
    const engine = await misbehaving();
    const gate = newGate();
    const [neighbour] = await neighbours(engine, gate, 1);
    const late = record(engine, "late-error");
    const retrying = nextEvent(engine, "retrying");
    const exited = nextEvent(engine, "thread:exited");
    const job = await engine.enqueue("fail aside", stops, { maxRetries: 1, backoff: linear(0) });
    expect(await retrying).toMatchObject({ id: job.id, attempt: 1, error: { name: "RangeError", message: "late" } });
    open(gate);
    expect(await neighbour?.result()).toBe(1);
    expect(await exited).toMatchObject({ reason: "retired", charged: [] });
    await expect(job.result()).rejects.toMatchObject({ code: "MILLRACE_JOB_FAILED", runs: 2, cause: { message: "late" } });
    expect(late).toEqual([]);
    expect(await engine.run("echo", 1)).toBe(1);
  });

  it("of no job: the thread is replaced, but not before it was of use", async () => {
    const engine = await misbehaving({ env: { ...process.env, BREAKS: "1" } });
    const exits = record(engine, "thread:exited");
    for (let index = 0; index < 3; index += 1) expect(await engine.run("echo", index)).toBe(index);
    for (const exit of exits) expect(exit).toMatchObject({ reason: "retired", charged: [] });
    expect(exits.length).toBeLessThanOrEqual(3);
  });
});

describe("a run that ends its thread", () => {
  it("pays, and those beside it do not", async () => {
    const engine = await misbehaving();
    const gate = newGate();
    const beside = await neighbours(engine, gate, 3);
    const rescued = record(engine, "rescued");
    const exited = nextEvent(engine, "thread:exited");
    const again = Promise.all(beside.map(({ id }) => said(engine, id, "waiting")));
    const job = await engine.enqueue("exit", 3, ONCE);
    expect(await rejection(job.result())).toBeInstanceOf(ThreadExitedError);
    const { report, ...exit } = await exited;
    expect(exit).toMatchObject({ reason: "exit", exitCode: 3, charged: [{ id: job.id, name: "exit", attempt: 1, progress: null, log: [] }], suspects: [] });
    expect(exit.returned.toSorted()).toEqual(beside.map(({ id }) => id).toSorted());
    expect(report).toContain(job.id);
    expect(report).not.toContain("\n");
    await again;
    expect(rescued.map(({ attempt }) => attempt)).toEqual([0, 0, 0]);
    open(gate);
    for (const one of beside) expect(await one.result()).toBe(1);
  });

  it.each([1, 4])("by all its memory: told with the limit, and nobody else pays, at concurrency %d", async (concurrency) => {
    const engine = await misbehaving({ queues: { default: { threads: 1, concurrency, resourceLimits: { maxOldGenerationSizeMb: 32 } } } });
    const gate = newGate();
    const beside = await neighbours(engine, gate, concurrency - 1);
    const exits = record(engine, "thread:exited");
    const job = await engine.enqueue("eat memory", null, ONCE);
    openWhenAgain(engine, gate, beside);
    const error = await rejection(job.result());
    expect(error).toBeInstanceOf(JobOutOfMemoryError);
    expect(error).toMatchObject({ runs: 1, limit: 32 * 1024 ** 2, used: expect.any(Number) as number });
    expect(await rejection(engine.job(job.id).result())).toMatchObject({ code: "MILLRACE_JOB_OUT_OF_MEMORY", limit: 32 * 1024 ** 2 });
    expect((await job.info())?.error?.message).toMatch(/32 MB.* MB/);
    for (const one of beside) expect(await one.result()).toBe(1);
    expect(exits.at(-1)).toMatchObject({ reason: "memory", charged: [{ id: job.id, attempt: 1 }], suspects: [] });
    if (concurrency > 1) expect(exits[0]).toMatchObject({ reason: "memory", charged: [], returned: [] });
  });
});

describe("a run that goes on after its deadline", () => {
  it.each(["loop", "flood", "hang"])("is ended with its thread, and those beside it run again for nothing: %s", async (name) => {
    const engine = await misbehaving();
    const gate = newGate();
    const beside = await neighbours(engine, gate, 3);
    openWhenAgain(engine, gate, beside);
    // Where its stack could not be read in time, all are suspects first.
    const exited = nextEvent(engine, "thread:exited", ({ charged }) => charged.length > 0);
    const job = await engine.enqueue(name, "microtasks", { ...ONCE, timeout: 50 });
    const error = await rejection(job.result());
    expect(error).toBeInstanceOf(JobTimeoutError);
    const { stuckAt } = error as JobTimeoutError;
    expect(error).toMatchObject({ runs: 1 });
    if (name === "hang") expect(stuckAt).toBeNull();
    expect(await exited).toMatchObject({ reason: "deadline", charged: [{ id: job.id }], stuckAt });
    for (const one of beside) expect(await one.result()).toBe(1);
  });

  it("and of another, by whoever holds the thread", async () => {
    const engine = await misbehaving();
    const victim = await engine.enqueue("wait", newGate(), { timeout: 200, maxRetries: 0 });
    await said(engine, victim.id, "waiting");
    const exited = nextEvent(engine, "thread:exited");
    const holder = await engine.enqueue("loop", null, { ...ONCE, timeout: "3s" });
    const error = await rejection(holder.result());
    expect(error).toBeInstanceOf(JobTimeoutError);
    expect((error as Error).message).toContain("held its thread while the deadline of another job passed");
    const { charged, returned, report } = await exited;
    expect(charged).toMatchObject([{ id: holder.id, progress: 0.25 }]);
    expect(charged[0]?.log.map(({ message }) => message)).toEqual(["line 4", "line 5", "line 6", "line 7", "looping"]);
    expect(returned).toEqual([victim.id]);
    expect(report).toMatch(/at 25 %, last log line "looping"/);
  });

  it("and nobody listens: one warning says all", async () => {
    const engine = await misbehaving();
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on("warning", note);
    onTestFinished(() => void process.off("warning", note));
    const job = await engine.enqueue("loop", null, { ...ONCE, timeout: 20 });
    await rejection(job.result());
    await new Promise(setImmediate);
    expect(warnings.filter(({ message }) => message.includes(job.id))).toMatchObject([{ name: "MillraceWarning", message: expect.stringContaining("deadline") as string }]);
  });
});

describe("a run that goes on after it was cancelled", () => {
  it.each(["loop", "hang"])("is ended with its thread, and is cancelled; those beside it run again for nothing: %s", async (name) => {
    const engine = await misbehaving();
    const gate = newGate();
    const [neighbour] = await neighbours(engine, gate, 1);
    const exited = nextEvent(engine, "thread:exited");
    const again = said(engine, neighbour?.id ?? "", "waiting");
    const job = await engine.enqueue(name, null, { maxRetries: 9 });
    await said(engine, job.id, name === "loop" ? "looping" : "hanging");
    expect(await job.cancel()).toBe("cancelling");
    await expect(job.result()).rejects.toMatchObject({ code: "MILLRACE_JOB_CANCELLED" });
    expect(await job.info()).toMatchObject({ state: "cancelled", attempt: 1 });
    expect(await exited).toMatchObject({ reason: "cancel", returned: [neighbour?.id] });
    await again;
    open(gate);
    expect(await neighbour?.result()).toBe(1);
  });

  it("by the signal of run() too", async () => {
    const engine = await misbehaving();
    const abort = new AbortController();
    const result = rejection(engine.run("loop", null, { signal: abort.signal }));
    await nextEvent(engine, "log", ({ message }) => message === "looping");
    abort.abort();
    expect(await result).toMatchObject({ name: "AbortError" });
    expect(await nextEvent(engine, "cancelled")).toMatchObject({ name: "loop", attempt: 1 });
    expect(await engine.run("echo", 1)).toBe(1);
  });
});

describe("a thread that may run so many jobs", () => {
  it("is replaced after them in an orderly way, with dispose, and nothing is lost", async () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const notes = join(folder, "notes");
    const engine = await startEngine({
      ...{ jobs: jobsModule("states.js"), env: { NOTES: notes } },
      queues: { default: { threads: 1, maxJobsPerThread: 3 } },
    });
    const exits = record(engine, "thread:exited");
    const handles = await engine.enqueueMany("show", Array.from({ length: 9 }, () => null));
    const uses = (await Promise.all(handles.map((one) => one.result()))).map((result) => (result as { readonly uses: number }).uses);
    expect(uses).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3]);
    await engine.stop();
    expect(exits).toMatchObject(Array.from({ length: 3 }, () => ({ reason: "retired", exitCode: 0, charged: [], returned: [] })));
    // The last one may have been overtaken by the end of the engine.
    for (const { report } of exits.slice(0, 2)) expect(report).toContain("maxJobsPerThread");
    const lines = readFileSync(notes, "utf8").trim().split("\n");
    expect(lines).toEqual(Array.from({ length: 3 }, () => ["disposing default 0 3", "disposed default 0"]).flat());
  });
});
