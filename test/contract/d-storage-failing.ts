import { existsSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { StorageError } from "../../src/errors.js";
import { linear } from "../../src/job/backoff.js";
import { defineJob } from "../../src/job/define-job.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { gate, nextEvent, range, rowOf } from "./stage.js";
import type { Section } from "./statement.js";
import { wrapped } from "./wrapped-storage.js";

const MINUTE_MS = 60_000;

export const storageFailing: Section = {
  title: "D. Failing storage and state",
  statements: [
    {
      number: 56,
      tag: "KEEP",
      says: "storage fails when a run ends: the thread carries on, and the job is not lost",
      verdict: "overridden",
      by: { page: "product", sentence: "the caller's promise rejects; running work is kept and completion is retried with backoff" },
      checks: {
        "the write is repeated until it succeeds, and the job does not run again": async (stage) => {
          const inner = memoryStorage();
          let failures = 0;
          let isBroken = true;
          const storage = wrapped(inner, {
            complete: async (transitions) => {
              if (!isBroken) return inner.complete(transitions);
              failures += 1;
              // Every other time it was written, and only the answer was lost.
              if (failures % 2 === 0) await inner.complete(transitions);
              throw new Error("disk full");
            },
          });
          const runs: number[] = [];
          const job = defineJob({ name: "job", run: (n: number) => runs.push(n) });
          const engine = await stage.started({ jobs: [job], storage });
          const errors: unknown[] = [];
          engine.on("error", ({ error }) => errors.push(error));
          const told: string[] = [];
          engine.on("completed", ({ id }) => told.push(id));
          const handles = await engine.enqueueMany(job, range(5));
          await stage.clock.advance(MINUTE_MS);
          expect(runs.toSorted()).toEqual(range(5));
          expect(told).toEqual([]);
          // 0.1, 0.2, 0.4 … 5 s apart, and no faster.
          expect(failures).toBeGreaterThan(10);
          expect(failures).toBeLessThan(20);
          expect(errors).toHaveLength(failures);
          expect(errors.every((error) => error instanceof StorageError)).toBe(true);
          isBroken = false;
          await stage.clock.advance(5_000);
          await Promise.all(handles.map((one) => one.result()));
          expect(told.toSorted()).toEqual(handles.map(({ id }) => id).toSorted());
          expect(runs).toHaveLength(5);
        },
      },
    },
    {
      number: 57,
      tag: "FIX",
      says: "storage fails when jobs are claimed: the queue tries again with a growing wait, never in a hot loop",
      verdict: "tested",
      checks: {
        "some tries a minute, and the job runs once it is well again": async (stage) => {
          const inner = memoryStorage();
          const tries: number[] = [];
          let isBroken = true;
          const storage = wrapped(inner, {
            claim: (request) => {
              if (!isBroken) return inner.claim(request);
              tries.push(stage.clock.now());
              return Promise.reject(new Error("no connection"));
            },
          });
          const job = defineJob({ name: "job", run: (n: number) => n });
          const engine = stage.engine({ jobs: [job], storage, queues: { default: { threads: 3 } } });
          const errors: unknown[] = [];
          engine.on("error", ({ error }) => errors.push(error));
          await engine.start();
          const handles = await engine.enqueueMany(job, range(20));
          await stage.clock.advance(MINUTE_MS);
          // Wake-ups meanwhile do not shorten the wait.
          for (const n of range(50)) await engine.enqueue(job, 20 + n);
          await stage.clock.settle();
          const waits = tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
          expect(waits.slice(0, 7)).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000]);
          expect(new Set(waits.slice(6))).toEqual(new Set([5_000]));
          expect(errors.length).toBeGreaterThan(0);
          isBroken = false;
          await stage.clock.advance(5_000);
          expect(await Promise.all(handles.map((one) => one.result()))).toEqual(range(20));
          await engine.drain();
        },
        "it starts again from the shortest wait": async (stage) => {
          const inner = memoryStorage();
          const tries: number[] = [];
          let failing = 4;
          const storage = wrapped(inner, {
            claim: (request) => {
              if (failing === 0) return inner.claim(request);
              failing -= 1;
              tries.push(stage.clock.now());
              return Promise.reject(new Error("no connection"));
            },
          });
          const job = defineJob({ name: "job", run: (n: number) => n });
          const engine = stage.engine({ jobs: [job], storage });
          engine.on("error", () => undefined);
          await engine.start();
          const first = engine.run(job, 1);
          await stage.clock.advance(MINUTE_MS);
          expect(await first).toBe(1);
          failing = 2;
          const second = engine.run(job, 2);
          await stage.clock.advance(MINUTE_MS);
          expect(await second).toBe(2);
          expect((tries[5] ?? 0) - (tries[4] ?? 0)).toBe(100);
        },
      },
    },
    {
      number: 58,
      tag: "KEEP",
      says: "a sign of life that fails never fails the job",
      verdict: "overridden",
      by: { page: "architecture", sentence: "A store with one owner (memory, SQLite) has no per-job expiry: the owner's epoch is the lease" },
      checks: {
        "a job that tells of itself what cannot be told, while every verb of storage fails, is completed": async (stage) => {
          const inner = memoryStorage();
          let isBroken = false;
          const fail = (): Promise<never> => Promise.reject(new Error("gone"));
          const storage = wrapped(inner, {
            claim: (request) => (isBroken ? fail() : inner.claim(request)),
            complete: (transitions) => (isBroken ? fail() : inner.complete(transitions)),
            reclaim: (request) => (isBroken ? fail() : inner.reclaim(request)),
            get: (ids, now) => (isBroken ? fail() : inner.get(ids, now)),
            nextDueIn: (now) => (isBroken ? fail() : inner.nextDueIn(now)),
            prune: (request) => (isBroken ? fail() : inner.prune(request)),
          });
          const held = gate();
          let runs = 0;
          const job = defineJob({
            ...{ name: "job", maxRetries: 0, backoff: linear(0) },
            run: async (_: unknown, ctx) => {
              runs += 1;
              ctx.progress(0.5, "half");
              await held.wait();
              ctx.log.info("a function", { call: () => 1 });
              return "done";
            },
          });
          const engine = await stage.started({ jobs: [job], storage });
          engine.on("error", () => undefined);
          const handle = await engine.enqueue(job, null);
          await stage.clock.settle();
          isBroken = true;
          await stage.clock.advance(10 * MINUTE_MS);
          held.open();
          await stage.clock.advance(10 * MINUTE_MS);
          expect(await rowOf(inner, handle.id, stage.clock)).toMatchObject({ state: "running", attempt: 1 });
          isBroken = false;
          await stage.clock.advance(MINUTE_MS);
          expect(await handle.result()).toBe("done");
          expect(runs).toBe(1);
        },
      },
    },
    {
      number: 59,
      tag: "KEEP",
      says: "a state factory that fails is reported, and leaves neither silently no threads nor a hot loop",
      verdict: "tested",
      checks: {
        "at the start: start rejects with the file and the cause": async (stage) => {
          const flag = join(await mkdtemp(join(tmpdir(), "millrace-")), "broken");
          writeFileSync(flag, "");
          const failure: unknown = await stage.threads({ env: { BROKEN_WHILE: flag } }).catch((error: unknown) => error);
          expect(failure).toMatchObject({ code: "MILLRACE_JOBS_MODULE", cause: { name: "RangeError", message: "the state cannot be made" } });
          expect(failure).toMatchObject({ file: expect.stringMatching(/thread-jobs\.js$/) as string });
        },
        "later: the queue says that it is unhealthy, waits between its tries, and goes on when it can": async (stage) => {
          const flag = join(await mkdtemp(join(tmpdir(), "millrace-")), "broken");
          const engine = await stage.threads({ env: { BROKEN_WHILE: flag } });
          const unhealthy = (): Promise<{ readonly queue: string; readonly error: Error }> => nextEvent((on) => engine.on("unhealthy", on));
          const first = unhealthy();
          await expect(engine.run("breaks the state", null, { maxRetries: 0 })).rejects.toMatchObject({ code: "MILLRACE_THREAD_EXITED" });
          expect(await first).toMatchObject({ queue: "default", error: { code: "MILLRACE_JOBS_MODULE" } });
          const firstAt = performance.now();
          expect((await engine.stats()).queues["default"]).toMatchObject({ healthy: false, threads: 0 });
          const waiting = await engine.enqueue("echo", "patience");
          await unhealthy();
          // Half a second at the least, for all that a loaded machine may do.
          expect(performance.now() - firstAt).toBeGreaterThan(400);
          expect(await waiting.info()).toMatchObject({ state: "waiting", attempt: 0 });
          rmSync(flag);
          expect(existsSync(flag)).toBe(false);
          expect(await waiting.result()).toBe("patience");
          expect((await engine.stats()).queues["default"]).toMatchObject({ healthy: true, threads: 1 });
        },
      },
    },
  ],
};
