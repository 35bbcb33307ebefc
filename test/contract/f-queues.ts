import { availableParallelism } from "node:os";
import { expect } from "vitest";
import { OptionsError } from "../../src/errors.js";
import { defineJob, defineJobs, type Job } from "../../src/job/define-job.js";
import { type Gate, gate, nextEvent, range, threadsReady } from "./stage.js";
import type { Section } from "./statement.js";

/** A job that is held until it is let go, and the most that ever ran at once. */
function counting(): { readonly job: Job<unknown>; readonly held: Gate[]; readonly most: () => number } {
  const held: Gate[] = [];
  let running = 0;
  let most = 0;
  const job = defineJob({
    name: "job",
    run: async () => {
      running += 1;
      most = Math.max(most, running);
      const own = gate();
      held.push(own);
      await own.wait();
      running -= 1;
    },
  });
  return { job, held, most: () => most };
}

export const queues: Section = {
  title: "F. Queues and threads",
  statements: [
    {
      number: 69,
      tag: "KEEP",
      says: "a registered job gives its queue four workers, unless configured",
      verdict: "overridden",
      by: {
        page: "product",
        sentence: "default gets max(1, availableParallelism() - 1) threads unless configured; another queue that some job names gets one thread when its first job comes",
      },
      checks: {
        "the default queue has one per core but one, another has one, a configured one what it says": async (stage) => {
          const job = defineJob({ name: "job", queue: "other", run: () => null });
          const engine = await stage.started({ jobs: [job], queues: {} });
          expect(Object.keys((await engine.stats()).queues)).toEqual(["default"]);
          await engine.run(job, null);
          const most = Math.max(1, availableParallelism() - 1);
          expect((await engine.stats()).queues).toMatchObject({ default: { threads: most }, other: { threads: 1 } });
          const configured = await stage.started({ jobs: [job], queues: { default: { threads: 3 }, other: {} } });
          expect((await configured.stats()).queues).toMatchObject({ default: { threads: 3 }, other: { threads: 1 } });
        },
      },
    },
    {
      number: 70,
      tag: "FIX",
      says: "the configured number of threads holds, in whatever order things are named",
      verdict: "tested",
      checks: {
        "queues before jobs, jobs before queues, and by the first job": async (stage) => {
          const job = defineJob({ name: "job", queue: "images", run: () => null });
          const [a, b] = [{ images: { threads: 2 }, default: { threads: 1 } }, { default: { threads: 1 }, images: { threads: 2 } }];
          for (const engine of [stage.engine({ jobs: [job], queues: a }), stage.engine({ queues: b, jobs: [job] })]) {
            const early = engine.enqueue(job, null);
            await engine.start();
            await (await early).result();
            expect((await engine.stats()).queues).toMatchObject({ images: { threads: 2 }, default: { threads: 1 } });
          }
        },
      },
    },
    {
      number: 71,
      tag: "KEEP",
      says: "a thread of a queue runs any job it knows that is in the queue, whatever the job's own queue is",
      verdict: "tested",
      checks: {
        "every job on every queue": async (stage) => {
          const queueNames = ["default", "a", "b"];
          const jobs = queueNames.map((queue) => defineJob({ name: `of ${queue}`, queue, run: (_: unknown, ctx) => ctx.queue }));
          const engine = await stage.started({ jobs, queues: { default: { threads: 1 }, a: { threads: 1 }, b: { threads: 1 } } });
          for (const job of jobs) {
            expect(await engine.run(job, null)).toBe(job.queue);
            for (const queue of queueNames) expect(await engine.run(job, null, { queue })).toBe(queue);
          }
        },
      },
    },
    {
      number: 72,
      tag: "KEEP",
      says: "another queue for one job makes no workers for it",
      verdict: "overridden",
      by: { page: "product", sentence: "another queue that some job names gets one thread when its first job comes" },
      checks: {
        "it gets one thread, however many jobs come": async (stage) => {
          const { job, held, most } = counting();
          const engine = await stage.started({ jobs: [job] });
          await engine.enqueueMany(job, range(10), { queue: "new" });
          await stage.clock.settle();
          expect((await engine.stats()).queues["new"]).toMatchObject({ threads: 1, running: 1, waiting: 9 });
          expect([held.length, most()]).toEqual([1, 1]);
        },
        "also for a job that is not due yet, and not for a queue that is said to have none": async (stage) => {
          const { job } = counting();
          const engine = await stage.started({ jobs: [job], queues: { none: { threads: 0 } } });
          await engine.enqueue(job, null, { queue: "soon", delay: "1h" });
          await engine.enqueue(job, null, { queue: "none" });
          await stage.clock.settle();
          expect((await engine.stats()).queues).toMatchObject({ soon: { threads: 1, scheduled: 1 }, none: { threads: 0, waiting: 1 } });
        },
      },
    },
    {
      number: 73,
      tag: "FIX",
      says: "two jobs of one name are an error",
      verdict: "tested",
      checks: {
        "two definitions, and one given twice": async () => {
          const first = defineJob({ name: "same", run: (_: unknown) => 1 });
          const second = defineJob({ name: "same", run: (_: unknown) => 2 });
          const other = defineJob({ name: "Same", run: (_: unknown) => 3 });
          expect(() => defineJobs({ jobs: [first, second] })).toThrow(OptionsError);
          expect(() => defineJobs({ jobs: [first, first] })).toThrow(/"same"/);
          expect(() => defineJobs({ jobs: [first, other] })).not.toThrow();
        },
      },
    },
    {
      number: 74,
      tag: "KEEP",
      says: "at most so many jobs of a queue run at once as it has threads, times their concurrency",
      verdict: "tested",
      checks: {
        "no more, and no fewer": async (stage) => {
          for (const [threads, concurrency] of [[1, 1], [1, 4], [3, 1], [3, 2]] as const) {
            const { job, held, most } = counting();
            const engine = await stage.started({ jobs: [job], queues: { default: { threads, concurrency } } });
            const jobs = await engine.enqueueMany(job, range(20));
            for (let done = 0; done < 20; done += 1) {
              // Long enough for none to be sent ahead.
              await stage.clock.advance(50);
              expect(held.length).toBe(Math.min(threads * concurrency + done, 20));
              held[done]?.open();
            }
            await Promise.all(jobs.map((one) => one.result()));
            expect(most()).toBe(threads * concurrency);
          }
        },
        "on real threads": async (stage) => {
          const engine = await stage.threads({ queues: { default: { threads: 2, concurrency: 3 } } });
          await threadsReady(engine, "default", 2);
          const jobs = await engine.enqueueMany("overlaps", range(60).map(() => 50));
          const results = (await Promise.all(jobs.map((one) => one.result()))) as readonly { readonly most: number; readonly slot: number }[];
          expect(Math.max(...results.map(({ most }) => most))).toBe(3);
          expect(new Set(results.map(({ slot }) => slot))).toEqual(new Set([0, 1]));
        },
      },
    },
    {
      number: 75,
      tag: "KEEP",
      says: "a thread of concurrency 1 runs one job at a time, and the next only when that has ended",
      verdict: "tested",
      checks: {
        "long ones, and short ones that were sent together": async (stage) => {
          const engine = await stage.threads();
          for (const turns of [200, 0, 0, 1]) {
            const jobs = await engine.enqueueMany("overlaps", range(40).map(() => turns));
            const results = (await Promise.all(jobs.map((one) => one.result()))) as readonly { readonly most: number }[];
            expect(results.every(({ most }) => most <= 1)).toBe(true);
          }
        },
      },
    },
    {
      number: 76,
      tag: "KEEP",
      says: "a saturated queue does not stop another",
      verdict: "tested",
      checks: {
        "a hundred jobs behind two that do not end": async (stage) => {
          const { job, most } = counting();
          const quick = defineJob({ name: "quick", run: (n: number) => n });
          const engine = await stage.started({ jobs: [job, quick], queues: { full: { threads: 2 }, free: { threads: 1 } } });
          await engine.enqueueMany(job, range(100), { queue: "full", priority: -1 });
          for (const n of range(50)) expect(await engine.run(quick, n, { queue: "free" })).toBe(n);
          expect((await engine.stats()).queues["full"]).toMatchObject({ running: 2, waiting: 98 });
          expect(most()).toBe(2);
        },
        "on real threads, of which one is held by a busy loop": async (stage) => {
          const engine = await stage.threads({ queues: { full: { threads: 1 }, free: { threads: 1 } } });
          const spinning = nextEvent((on: (event: unknown) => void) => engine.on("progress", on));
          const held = await engine.enqueueMany("spins", range(5), { queue: "full" });
          await spinning;
          expect(await engine.run("echo", "free", { queue: "free" })).toBe("free");
          await Promise.all(held.map((one) => one.cancel()));
          await Promise.allSettled(held.map((one) => one.result()));
        },
      },
    },
  ],
};
