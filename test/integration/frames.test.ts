/** Jobs travel in frames of several and are answered each for itself; those behind a job that turns out long are taken back. */

import { type Engine, type JobHandle } from "millrace";
import { defineJob } from "millrace/jobs";
import { MessagePort } from "node:worker_threads";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Frame, unpackFrame } from "../../dist/src/protocol/frame.js";
import { jobsModule, nextEvent, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";

interface Done {
  readonly n: number;
  readonly threadId: number;
  readonly id: string;
}

const vary = defineJob<{ n: number; gate?: string }, Done>({ name: "vary" });
const count = defineJob<null, number>({ name: "count" });
const jobs = jobsModule("frames.js");

/** How many jobs each frame has that is sent to a thread from now on. */
function watchFrames(): number[] {
  const frames: number[] = [];
  const prototype = MessagePort.prototype as { postMessage: (this: unknown, ...args: unknown[]) => unknown };
  const { postMessage } = prototype;
  prototype.postMessage = function post(this: unknown, message: unknown, ...rest: unknown[]): unknown {
    const { kind, frame } = (message ?? {}) as { readonly kind?: string; readonly frame?: Frame };
    if (kind === "frame") frames.push(frame === undefined ? 0 : unpackFrame(frame).length);
    return postMessage.call(this, message, ...rest);
  };
  onTestFinished(() => {
    prototype.postMessage = postMessage;
  });
  return frames;
}

/** Many short jobs, until the engine has seen that they are: on a busy machine one of them may well take long. */
async function warmUp(engine: Engine): Promise<void> {
  const frames = watchFrames();
  for (let round = 0; round < 100; round += 1) {
    await engine.pause("default");
    const handles = await engine.enqueueMany(vary, Array.from({ length: 200 }, (_, n) => ({ n })));
    frames.length = 0;
    await engine.resume("default");
    await Promise.all(handles.map((job) => job.result()));
    if ((frames[0] ?? 0) > 10) return;
  }
  throw new Error("short jobs never travelled together");
}

/** One job that waits at a gate and many short ones, some of which were sent along with it. */
async function sendTogether(engine: Engine): Promise<{ gate: string; long: JobHandle<Done>; short: readonly JobHandle<Done>[] }> {
  const frames = watchFrames();
  for (let round = 0; round < 50; round += 1) {
    await warmUp(engine);
    const gate = newGate();
    await engine.pause("default");
    const handles = await engine.enqueueMany(vary, [{ n: 0, gate }, ...Array.from({ length: 60 }, (_, n) => ({ n: n + 1 }))]);
    const [long, ...short] = handles as [JobHandle<Done>, ...JobHandle<Done>[]];
    const isLong = nextEvent(engine, "log");
    frames.length = 0;
    await engine.resume("default");
    await isLong;
    if ((frames[0] ?? 0) > 1) return { gate, long, short };
    // The last short job before took long, and so each went alone.
    open(gate);
    await Promise.all(handles.map((job) => job.result()));
  }
  throw new Error("the jobs never travelled together");
}

describe("short jobs", () => {
  it("need far fewer messages than there are jobs, both ways, and each is answered for itself", async () => {
    const engine = await startEngine({ jobs });
    const frames = watchFrames();
    await warmUp(engine);
    const answeredBefore = await engine.run(count, null);
    frames.length = 0;
    const completed: string[] = [];
    engine.on("completed", ({ id }) => completed.push(id));
    const handles = await engine.enqueueMany(vary, Array.from({ length: 1_000 }, (_, n) => ({ n })));
    const results = await Promise.all(handles.map((job) => job.result()));
    expect(results.map(({ n, id }) => [n, id])).toEqual(handles.map(({ id }, n) => [n, id]));
    expect(frames.length).toBeLessThan(200);
    // Most answers lie in shared memory, and one message tells of many. What was taken back, or has said something, has its own.
    expect((await engine.run(count, null)) - answeredBefore).toBeLessThan(600);
    expect(completed.slice(0, 1_000).toSorted()).toEqual(handles.map(({ id }) => id));
  });

  it("travel alone as long as nobody knows how long they take", async () => {
    const engine = await startEngine({ jobs });
    const frames = watchFrames();
    await engine.pause("default");
    const handles = await engine.enqueueMany(vary, Array.from({ length: 10 }, (_, n) => ({ n })));
    await engine.resume("default");
    await handles[0]?.result();
    expect(frames[0]).toBe(1);
    await Promise.all(handles.map((job) => job.result()));
  });
});

describe("jobs behind one that turns out long", () => {
  it("are taken back and run on a thread that is idle", async () => {
    const engine = await startEngine({ jobs, queues: { default: { threads: 2 } } });
    const { gate, long, short } = await sendTogether(engine);
    const handles = [long, ...short];
    const results = await Promise.all(short.map((job) => job.result()));
    expect(results.map(({ n }) => n)).toEqual(short.map((_, n) => n + 1));
    expect((await long.info())?.state).toBe("running");
    open(gate);
    const { threadId } = await long.result();
    expect(results.filter((result) => result.threadId !== threadId).length).toBeGreaterThan(30);
    const infos = await Promise.all(handles.map((job) => job.info()));
    // Nobody paid for it with a run.
    expect(new Set(infos.map((info) => `${info?.state} ${info?.attempt}`))).toEqual(new Set(["completed 1"]));
  });

  it("are cancelled without having run when they are cancelled", async () => {
    const engine = await startEngine({ jobs });
    await warmUp(engine);
    const gate = newGate();
    await engine.pause("default");
    const [long, next] = await engine.enqueueMany(vary, [{ n: 0, gate }, { n: 1 }]);
    const isLong = nextEvent(engine, "log");
    const cancelled = nextEvent(engine, "cancelled");
    await engine.resume("default");
    await isLong;
    await next?.cancel();
    expect((await cancelled).id).toBe(next?.id);
    expect(await next?.info()).toMatchObject({ state: "cancelled", attempt: 0 });
    open(gate);
    expect(await long?.result()).toMatchObject({ n: 0 });
  });
});
