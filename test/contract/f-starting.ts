import { expect } from "vitest";
import { defineJob } from "../../src/job/define-job.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { gate, range } from "./stage.js";
import type { Section } from "./statement.js";
import { wrapped } from "./wrapped-storage.js";

export const starting: Section = {
  title: "F. Starting",
  statements: [
    {
      number: 80,
      tag: "KEEP",
      says: "no threads at all are legal: nothing is consumed",
      verdict: "tested",
      checks: {
        "the engine starts, takes jobs, counts them and stops": async (stage) => {
          const storage = memoryStorage();
          let runs = 0;
          const job = defineJob({ name: "job", run: (_: unknown) => (runs += 1) });
          const engine = await stage.started({ jobs: [job], storage, queues: { default: { threads: 0 }, other: { threads: 0 } } });
          await engine.enqueueMany(job, range(3));
          await engine.enqueueMany(job, range(2), { queue: "other", delay: 5 });
          await stage.clock.advance(1_000);
          expect((await engine.stats()).queues).toMatchObject({ default: { waiting: 3, threads: 0 }, other: { waiting: 2, threads: 0 } });
          // Queues without threads do not count: nothing would ever empty them.
          await engine.drain();
          expect(await engine.stop()).toEqual({ completed: 0, returned: 5 });
          expect(runs).toBe(0);
        },
      },
    },
    {
      number: 81,
      tag: "KEEP",
      says: "start may return before the threads are ready; what is enqueued meanwhile runs later",
      verdict: "overridden",
      by: { page: "product", sentence: "await engine.start(); resolves when every configured queue has a ready thread" },
      checks: {
        "every configured queue has one, and what was enqueued meanwhile runs": async (stage) => {
          const booted: string[] = [];
          const job = defineJob({ name: "job", run: (n: number) => n });
          const waits = new Map([["fast", 1_000], ["slow", 9_000]]);
          const engine = stage.engine({
            ...{ jobs: [job], queues: { fast: { threads: 1 }, slow: { threads: 1 } } },
            state: async ({ queue }) => {
              await new Promise<void>((resolve) => stage.clock.setTimer(waits.get(queue) ?? 0, resolve));
              booted.push(queue);
            },
          });
          let hasStarted = false;
          const started = engine.start().then(() => (hasStarted = true));
          const results = ["fast", "slow", "unconfigured"].map((queue, n) => engine.run(job, n, { queue }));
          await stage.clock.advance(8_999);
          expect(hasStarted).toBe(false);
          expect(booted).not.toContain("slow");
          await stage.clock.advance(1);
          await started;
          expect(booted).toEqual(expect.arrayContaining(["fast", "slow"]));
          expect(await Promise.all(results)).toEqual([0, 1, 2]);
        },
        "a queue is opened once, whenever its first job comes": async (stage) => {
          for (const delayed of range(30)) {
            const inner = memoryStorage();
            const storage = wrapped(inner, {
              own: async (runner) => {
                for (let turn = 0; turn < delayed; turn += 1) await Promise.resolve();
                return inner.own(runner);
              },
            });
            const booted: string[] = [];
            const job = defineJob({ name: "job", run: (n: number) => n });
            const engine = stage.engine({
              ...{ jobs: [job], storage },
              state: ({ queue }) => void booted.push(queue),
            });
            const started = engine.start();
            const running = engine.run(job, 1);
            await started;
            expect(await running).toBe(1);
            expect(booted).toEqual(["default"]);
          }
        },
        "an engine that may not start, since the storage has an owner, opens nothing": async (stage) => {
          const storage = memoryStorage();
          const job = defineJob({ name: "job", run: (n: number) => n });
          const owner = await stage.started({ jobs: [job], storage });
          const booted: string[] = [];
          const asked = gate();
          const slow = wrapped(storage, { own: (runner) => asked.wait().then(() => storage.own(runner)) });
          const other = stage.engine({ jobs: [job], storage: slow, state: ({ queue }) => void booted.push(queue) });
          const starting = other.start();
          starting.catch(() => undefined);
          const results = await Promise.all([other.run(job, 1), owner.run(job, 2), other.run(job, 3, { queue: "new" })]);
          await stage.clock.settle();
          asked.open();
          await expect(starting).rejects.toMatchObject({ code: "MILLRACE_STORAGE" });
          expect(results).toEqual([1, 2, 3]);
          expect(booted).toEqual([]);
        },
      },
    },
  ],
};
