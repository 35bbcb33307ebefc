/** What each thread has of its own: the state its factory made, its environment and its limits. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineJob } from "millrace/jobs";
import { describe, expect, it, onTestFinished } from "vitest";
import { jobsModule, newEngine, nextEvent, said, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";

interface Shown {
  readonly queue: string;
  readonly slot: number;
  readonly uses: number;
  readonly made: number;
  readonly threadId: number;
  readonly greeting: unknown;
}

const jobs = jobsModule("states.js");
const show = defineJob<null, Shown>({ name: "show" });
const wait = defineJob<string, Shown>({ name: "wait" });

/** A file that threads can write to, and how to read its lines. */
function newNotes(): { readonly file: string; readonly lines: () => string[] } {
  const folder = mkdtempSync(join(tmpdir(), "millrace-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "notes");
  return { file, lines: () => readFileSync(file, "utf8").trim().split("\n").toSorted() };
}

describe("the state", () => {
  it("is made once per thread, before its first job, and shared by its jobs", async () => {
    const engine = await startEngine({ jobs });
    const shown = [await engine.run(show, null), await engine.run(show, null), await engine.run(show, null)];
    expect(shown.map(({ uses, made }) => [uses, made])).toEqual([[1, 1], [2, 1], [3, 1]]);
    expect(new Set(shown.map(({ threadId }) => threadId)).size).toBe(1);
    expect(shown[0]).toMatchObject({ queue: "default", slot: 0 });
  });

  it("is each thread's own, and knows queue and slot", async () => {
    const engine = await startEngine({ jobs, queues: { one: { threads: 2 }, two: { threads: 1 } } });
    const gate = newGate();
    const handles = await Promise.all(["one", "one", "two"].map((queue) => engine.enqueue(wait, gate, { queue })));
    await Promise.all(handles.map(({ id }) => said(engine, id, "waiting")));
    open(gate);
    const shown = await Promise.all(handles.map((job) => job.result()));
    expect(shown.map(({ queue, slot }) => `${queue} ${slot}`).toSorted()).toEqual(["one 0", "one 1", "two 0"]);
    expect(new Set(shown.map(({ threadId }) => threadId)).size).toBe(3);
  });

  it("may be made with the help of other jobs", async () => {
    const engine = newEngine({ jobs, env: { GREET: "yes" } });
    const enqueued = nextEvent(engine, "enqueued");
    await engine.start();
    const { id, name, queue, meta } = await enqueued;
    expect({ name, queue, meta }).toEqual({ name: "echo", queue: "greetings", meta: { by: "state" } });
    expect(await engine.job(id).result()).toBe("hello from 0");
    expect((await engine.run(show, null)).greeting).toEqual({ id, duplicate: false });
  });

  it("is made anew, for the same slot, when a thread is replaced", async () => {
    const engine = await startEngine({ jobs });
    const first = await engine.run(show, null);
    await expect(engine.run("exit", null, { maxRetries: 0 })).rejects.toMatchObject({ code: "MILLRACE_THREAD_EXITED", exitCode: 0 });
    const second = await engine.run(show, null);
    expect(second).toMatchObject({ slot: 0, uses: 1, made: 1 });
    expect(second.threadId).not.toBe(first.threadId);
  });
});

describe("dispose", () => {
  it("is called with the state of each thread, and awaited, when the engine stops", async () => {
    const notes = newNotes();
    const engine = newEngine({ jobs, queues: { one: { threads: 2 }, two: {} }, env: { NOTES: notes.file } });
    let ready = 0;
    const all = new Promise<void>((resolve) => engine.on("thread:started", () => void ((ready += 1) === 3 && resolve())));
    await engine.start();
    await all;
    await engine.run(show, null, { queue: "two" });
    const exits: unknown[] = [];
    engine.on("thread:exited", (event) => exits.push(event));
    await engine.stop();
    const threads = ["one 0", "one 1", "two 0"];
    expect(notes.lines()).toEqual([...threads.map((thread) => `disposed ${thread}`), "disposing one 0 0", "disposing one 1 0", "disposing two 0 1"]);
    expect(exits).toHaveLength(3);
    expect(exits[0]).toMatchObject({ exitCode: 0, error: null });
  });

  it("waits for the job that runs", async () => {
    const notes = newNotes();
    const engine = await startEngine({ jobs, env: { NOTES: notes.file } });
    const gate = newGate();
    const job = await engine.enqueue(wait, gate);
    await said(engine, job.id, "waiting");
    const stopped = engine.stop();
    open(gate);
    expect(await stopped).toEqual({ completed: 1, returned: 0 });
    expect(notes.lines()).toEqual(["disposed default 0", "disposing default 0 0"]);
  });

  it("that throws is told with the thread's exit, and stop goes on", async () => {
    const engine = await startEngine({ jobs, env: { DISPOSE: "throw" } });
    const exited = nextEvent(engine, "thread:exited");
    expect(await engine.stop()).toEqual({ completed: 0, returned: 0 });
    expect(await exited).toMatchObject({ exitCode: 0, error: { name: "RangeError", message: "dispose broke" } });
  });

  it("that never ends does not keep stop from its end", async () => {
    const engine = await startEngine({ jobs, env: { DISPOSE: "hang" } });
    expect(await engine.stop()).toEqual({ completed: 0, returned: 0 });
  });
});

describe("env, execArgv and resourceLimits", () => {
  const surroundings = defineJob<null, { env: Record<string, string>; execArgv: string[]; resourceLimits: Record<string, number> }>({ name: "surroundings" });

  it("reach the threads", async () => {
    const engine = await startEngine({
      ...{ jobs, env: { COLOR: "red" }, execArgv: ["--no-warnings"], resourceLimits: { maxOldGenerationSizeMb: 111, stackSizeMb: 3 } },
      queues: { default: { threads: 1 }, small: { resourceLimits: { maxOldGenerationSizeMb: 77 } } },
    });
    const common = await engine.run(surroundings, null);
    expect(common).toMatchObject({ env: { COLOR: "red" }, execArgv: ["--no-warnings"] });
    expect(common.env).toEqual({ COLOR: "red" });
    expect(common.resourceLimits).toMatchObject({ maxOldGenerationSizeMb: 111, stackSizeMb: 3 });
    const small = await engine.run(surroundings, null, { queue: "small" });
    expect(small.resourceLimits["maxOldGenerationSizeMb"]).toBe(77);
  });

  it("are the process's own unless given, and threads change a copy of its environment", async () => {
    const engine = await startEngine({ jobs });
    const { env, execArgv } = await engine.run(surroundings, null);
    expect(env["PATH"]).toBe(process.env["PATH"]);
    expect(execArgv).toEqual(process.execArgv);
  });
});
