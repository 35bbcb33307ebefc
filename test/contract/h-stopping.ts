import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { memoryStorage as realMemoryStorage } from "millrace";
import { expect } from "vitest";
import { EngineStoppedError } from "../../src/errors.js";
import { linear } from "../../src/job/backoff.js";
import { defineJob, type Job } from "../../src/job/define-job.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { gate, type Gate, nextEvent, range, rowOf } from "./stage.js";
import type { Section } from "./statement.js";

/** A job that is held until it is let go. */
function held(): { readonly job: Job<unknown>; readonly runs: (readonly [payload: unknown, attempt: number])[]; readonly gates: Gate[] } {
  const runs: (readonly [unknown, number])[] = [];
  const gates: Gate[] = [];
  const job = defineJob({
    ...{ name: "held", maxRetries: 0 },
    run: async (payload: unknown, { attempt }) => {
      runs.push([payload, attempt]);
      const own = gate();
      gates.push(own);
      await own.wait();
      return payload;
    },
  });
  return { job, runs, gates };
}

export const stopping: Section = {
  title: "H. Stopping",
  statements: [
    {
      number: 87,
      tag: "KEEP",
      says: "stop ends every thread, and no code of a job runs afterwards",
      verdict: "tested",
      checks: {
        "a process whose threads were in busy loops ends by itself": async () => {
          const file = fileURLToPath(new URL("./fixtures/stops.js", import.meta.url));
          const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 60_000 });
          expect(JSON.parse(stdout)).toEqual({ completed: 0, returned: 3 });
        },
        "what comes to its storage afterwards is not run": async (stage) => {
          const storage = memoryStorage();
          const { job, runs } = held();
          const engine = await stage.started({ jobs: [job], storage });
          const client = stage.engine({ jobs: [], storage });
          await client.enqueue(job, "scheduled", { delay: "1s" });
          expect(await engine.stop()).toEqual({ completed: 0, returned: 0 });
          await client.enqueue(job, "late");
          await stage.clock.advance(60_000);
          expect(runs).toEqual([]);
          expect(stage.clock.timers).toBe(0);
        },
      },
    },
    {
      number: 88,
      tag: "KEEP",
      says: "jobs that were not started stay stored as they were, and another engine of the storage runs them",
      verdict: "tested",
      checks: {
        "waiting, scheduled and retrying ones": async (stage) => {
          const storage = memoryStorage();
          const { job, gates } = held();
          const failing = defineJob({
            ...{ name: "failing", maxRetries: 1, backoff: linear("1m") },
            run: (_: unknown, { attempt }) => {
              if (attempt === 1) throw new Error("once");
              return attempt;
            },
          });
          const first = await stage.started({ jobs: [job, failing], storage });
          const retrying = await first.enqueue(failing, null);
          await stage.clock.settle();
          const running = await first.enqueue(job, "running");
          await stage.clock.settle();
          const waiting = await first.enqueueMany(job, range(3));
          const scheduled = await first.enqueue(job, "scheduled", { delay: "1h" });
          const ids = [retrying, ...waiting, scheduled].map(({ id }) => id);
          const before = await storage.get(ids, stage.clock.now());
          const stopped = first.stop();
          await stage.clock.settle();
          gates[0]?.open();
          // The scheduled one is not counted: it had not come to its turn.
          expect(await stopped).toEqual({ completed: 1, returned: 4 });
          await expect(running.result()).resolves.toBe("running");
          await storage.open();
          expect(await storage.get(ids, stage.clock.now())).toEqual(before);
          const second = await stage.started({ jobs: [job, failing], storage });
          const results = Promise.all(ids.map((id) => second.job(id).result()));
          for (let hour = 0; hour < 4; hour += 1) {
            await stage.clock.advance(3_600_000);
            for (const one of gates) one.open();
          }
          expect(await results).toEqual([2, 0, 1, 2, "scheduled"]);
        },
      },
    },
    {
      number: 89,
      tag: "FIX",
      says: "what runs may finish for a while; what does not is given back and uses no retry",
      verdict: "tested",
      checks: {
        "one finishes in time, one does not": async (stage) => {
          const storage = memoryStorage();
          const { job, runs, gates } = held();
          const first = await stage.started({ jobs: [job], storage, queues: { default: { threads: 2 } } });
          const [quick, slow] = await first.enqueueMany(job, ["quick", "slow"]);
          await stage.clock.settle();
          let report: unknown;
          const stopped = first.stop({ timeout: "10s" }).then((done) => (report = done));
          await stage.clock.advance(5_000);
          gates[0]?.open();
          await stage.clock.advance(4_999);
          expect(report).toBeUndefined();
          await stage.clock.advance(1);
          expect(await stopped).toEqual({ completed: 1, returned: 1 });
          expect(await quick!.result()).toBe("quick");
          await storage.open();
          expect(await rowOf(storage, slow!.id, stage.clock)).toMatchObject({ state: "waiting", attempt: 0, runner: null, failure: null });
          // What it says now is heard by nobody.
          gates[1]?.open();
          await stage.clock.settle();
          expect((await rowOf(storage, slow!.id, stage.clock)).state).toBe("waiting");
          const second = await stage.started({ jobs: [job], storage });
          const result = second.job(slow!.id, job).result();
          await stage.clock.settle();
          gates[2]?.open();
          expect(await result).toBe("slow");
          expect(runs).toEqual([["quick", 1], ["slow", 1], ["slow", 1]]);
        },
        "thirty seconds, unless told otherwise": async (stage) => {
          const { job } = held();
          const engine = await stage.started({ jobs: [job] });
          await engine.enqueue(job, null);
          await stage.clock.settle();
          let isStopped = false;
          const stopped = engine.stop().then(() => (isStopped = true));
          await stage.clock.advance(29_999);
          expect(isStopped).toBe(false);
          await stage.clock.advance(1);
          await stopped;
        },
        "a busy loop on a real thread": async (stage) => {
          const storage = realMemoryStorage();
          const first = await stage.threads({ storage });
          const begun = nextEvent((on: (event: unknown) => void) => first.on("progress", on));
          const { id } = await first.enqueue("never ends", null, { maxRetries: 0 });
          await begun;
          expect(await first.stop({ timeout: 10 })).toEqual({ completed: 0, returned: 1 });
          await storage.open();
          const [row] = await storage.get([id], Date.now());
          expect(row).toMatchObject({ state: "waiting", attempt: 0, runner: null });
          await storage.close();
        },
      },
    },
    {
      number: 90,
      tag: "KEEP",
      says: "stopping twice is harmless",
      verdict: "tested",
      checks: {
        "at once, one after the other, and by await using": async (stage) => {
          const { job, gates } = held();
          const engine = await stage.started({ jobs: [job] });
          await engine.enqueue(job, null);
          await stage.clock.settle();
          const both = Promise.all([engine.stop(), engine.stop({ timeout: 0 })]);
          await stage.clock.settle();
          gates[0]?.open();
          const [first, second] = await both;
          expect(first).toEqual({ completed: 1, returned: 0 });
          expect(second).toEqual(first);
          expect(await engine.stop()).toEqual(first);
          await engine[Symbol.asyncDispose]();
        },
        "before the start, and of an engine that is not started at all": async (stage) => {
          const { job } = held();
          const engine = stage.engine({ jobs: [job] });
          expect(await engine.stop()).toEqual({ completed: 0, returned: 0 });
          expect(await engine.stop()).toEqual({ completed: 0, returned: 0 });
          await expect(engine.start()).rejects.toBeInstanceOf(EngineStoppedError);
        },
        "while it starts: nothing is left running": async (stage) => {
          const { job, runs } = held();
          const storage = memoryStorage();
          await stage.engine({ jobs: [], storage }).enqueue(job, null);
          const engine = stage.engine({
            ...{ jobs: [job], storage },
            state: () => new Promise<void>((resolve) => stage.clock.setTimer(1_000, resolve)),
          });
          const starting = engine.start();
          const outcome = expect(starting).rejects.toBeInstanceOf(EngineStoppedError);
          await stage.clock.advance(500);
          const stopped = engine.stop({ timeout: 0 });
          await stage.clock.advance(60_000);
          expect(await stopped).toEqual({ completed: 0, returned: 1 });
          await outcome;
          expect(runs).toEqual([]);
          expect(stage.clock.timers).toBe(0);
        },
      },
    },
    {
      number: 91,
      tag: "DECIDE",
      says: "whether a stopped engine still takes jobs",
      decision: "a-stopped-engine-takes-nothing",
      verdict: "overridden",
      by: { page: "product", sentence: "EngineStoppedError MILLRACE_ENGINE_STOPPED: a call, or a result still awaited, after stop()" },
      checks: {
        "every call rejects, nothing is stored, and what was awaited is told": async (stage) => {
          const storage = memoryStorage();
          const { job } = held();
          const engine = await stage.started({ jobs: [job], storage });
          const handle = await engine.enqueue(job, null, { delay: "1h" });
          const awaited = handle.result().catch((error: unknown) => error);
          const stopped = engine.stop();
          const calls = [
            () => engine.enqueue(job, 1),
            () => engine.enqueueMany(job, [1]),
            () => engine.run(job, 1),
            () => engine.every("1s", job, 1),
            () => engine.info(handle.id),
            () => engine.list(),
            () => engine.stats(),
            () => engine.cancel(handle.id),
            () => engine.retry(handle.id),
            () => engine.remove(handle.id),
            () => engine.pause("default"),
            () => engine.drain(),
            () => engine.start(),
            () => handle.cancel(),
            () => engine.job(handle.id).result(),
          ];
          // From the very moment stop was called.
          for (const call of calls) await expect(call(), String(call)).rejects.toBeInstanceOf(EngineStoppedError);
          await stopped;
          for (const call of calls) await expect(call(), String(call)).rejects.toBeInstanceOf(EngineStoppedError);
          expect(await awaited).toBeInstanceOf(EngineStoppedError);
          await expect(handle.result()).rejects.toBeInstanceOf(EngineStoppedError);
          await storage.open();
          expect((await storage.count(stage.clock.now())).totals["default"]?.enqueued).toBe(1);
          expect((await storage.settings()).schedules).toEqual([]);
        },
        "but a job that finishes during the stop may enqueue": async (stage) => {
          const storage = memoryStorage();
          const own = gate();
          const job = defineJob({ name: "job", run: async (_: unknown, ctx) => own.wait().then(() => ctx.enqueue("next", null)) });
          const engine = await stage.started({ jobs: [job], storage });
          const handle = await engine.enqueue(job, null);
          await stage.clock.settle();
          const stopped = engine.stop();
          await stage.clock.settle();
          own.open();
          expect(await stopped).toEqual({ completed: 1, returned: 1 });
          const { id } = await handle.result();
          await storage.open();
          expect(await rowOf(storage, id, stage.clock)).toMatchObject({ name: "next", state: "waiting" });
        },
      },
    },
  ],
};
