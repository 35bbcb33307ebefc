import { expect } from "vitest";
import { linear } from "../../src/job/backoff.js";
import { defineJob, type Job } from "../../src/job/define-job.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { type Gate, gate, range, type Stage, until } from "./stage.js";
import type { Section } from "./statement.js";
import { silent } from "./wrapped-storage.js";

const DAY_MS = 86_400_000;

/** A job that notes when, and with which payload, it runs. */
function noting(stage: Stage, runs: (readonly [payload: unknown, at: number])[]): Job<unknown> {
  return defineJob({ name: "note", run: (payload: unknown) => void runs.push([payload, stage.clock.now()]) });
}

export const waking: Section = {
  title: "B. Waking",
  statements: [
    {
      number: 19,
      tag: "KEEP",
      says: "an idle queue is woken by a job at once, not at the next poll",
      verdict: "tested",
      checks: {
        "no time passes between enqueue and run": async (stage) => {
          const runs: (readonly [unknown, number])[] = [];
          const job = noting(stage, runs);
          const engine = await stage.started({ jobs: [job] });
          await stage.clock.advance(DAY_MS + 1);
          const now = stage.clock.now();
          await engine.run(job, "alone");
          await Promise.all((await engine.enqueueMany(job, ["in", "a", "row"])).map((one) => one.result()));
          expect(runs).toEqual(["alone", "in", "a", "row"].map((payload) => [payload, now]));
        },
        "also with a storage that tells nobody of its changes: first runs, retries, due jobs, what is resumed and run again": async (stage) => {
          const runs: (readonly [unknown, number])[] = [];
          const job = noting(stage, runs);
          const failing = defineJob({
            ...{ name: "failing", maxRetries: 1, backoff: linear(50) },
            run: (_: unknown, { attempt }) => {
              if (attempt === 1) throw new Error("once more");
              return attempt;
            },
          });
          const engine = await stage.started({ jobs: [job, failing], storage: silent(memoryStorage()) });
          const start = stage.clock.now();
          await stage.clock.settle();
          const first = await engine.enqueue(job, "first");
          await first.result();
          const retried = engine.run(failing, null);
          await engine.enqueue(job, "due", { delay: 70 });
          await stage.clock.advance(100);
          expect(await retried).toBe(2);
          await engine.pause("default");
          const paused = engine.run(job, "resumed");
          await stage.clock.settle();
          await engine.resume("default");
          await paused;
          await (await engine.retry(first.id)).result();
          expect(runs.map(([payload, at]) => [payload, at - start])).toEqual([["first", 0], ["due", 70], ["resumed", 100], ["first", 100]]);
        },
        "also by another engine of the same storage": async (stage) => {
          const runs: (readonly [unknown, number])[] = [];
          const job = noting(stage, runs);
          const storage = memoryStorage();
          await stage.started({ jobs: [job], storage });
          const client = stage.engine({ jobs: [], storage });
          await client.run(job, "from afar");
          await client.run(job, "to a new queue", { queue: "new" });
          expect(runs).toHaveLength(2);
        },
        "whenever it comes: one after the other, a thousand times, never asleep": async (stage) => {
          const job = defineJob({ name: "job", run: (n: number) => n });
          const engine = await stage.started({ jobs: [job] });
          for (const n of range(1_000)) expect(await engine.run(job, n)).toBe(n);
        },
      },
    },
    {
      number: 20,
      tag: "KEEP",
      says: "with only a job of the future, the queue wakes when that is due",
      verdict: "tested",
      checks: {
        "to the millisecond, in a second and in fifty days": async (stage) => {
          const runs: (readonly [unknown, number])[] = [];
          const job = noting(stage, runs);
          const engine = await stage.started({ jobs: [job] });
          const now = stage.clock.now();
          await engine.enqueue(job, "second", { delay: "1s" });
          await engine.enqueue(job, "days", { delay: "50d" });
          await stage.clock.advance(51 * DAY_MS);
          expect(runs).toEqual([
            ["second", now + 1_000],
            ["days", now + 50 * DAY_MS],
          ]);
        },
        "also when it was scheduled before the engine started": async (stage) => {
          const runs: (readonly [unknown, number])[] = [];
          const job = noting(stage, runs);
          const storage = memoryStorage();
          const now = stage.clock.now();
          await stage.engine({ jobs: [], storage }).enqueue(job, "later", { delay: 5_000 });
          await stage.clock.advance(1_000);
          await stage.started({ jobs: [job], storage });
          await stage.clock.advance(10_000);
          expect(runs).toEqual([["later", now + 5_000]]);
        },
      },
    },
    {
      number: 21,
      tag: "KEEP",
      says: "an earlier job shortens the wait for a later one",
      verdict: "tested",
      checks: {
        "and each runs at its own time": async (stage) => {
          const runs: (readonly [unknown, number])[] = [];
          const job = noting(stage, runs);
          const engine = await stage.started({ jobs: [job] });
          const now = stage.clock.now();
          for (const delay of [60_000, 40_000, 50_000, 10_000, 30_000, 20_000]) await engine.enqueue(job, delay, { delay });
          await stage.clock.advance(60_000);
          expect(runs).toEqual([10_000, 20_000, 30_000, 40_000, 50_000, 60_000].map((delay) => [delay, now + delay]));
        },
      },
    },
    {
      number: 22,
      tag: "FIX",
      says: "as many jobs as there are idle threads, enqueued in one turn, start at once",
      verdict: "tested",
      checks: {
        "when nothing is known about the job, and when it was always short": async (stage) => {
          const running = new Map<number, Gate>();
          const job = defineJob({
            name: "job",
            run: (index: number): Promise<void> | void => {
              if (index < 0) return;
              const held = gate();
              running.set(index, held);
              return held.wait();
            },
          });
          const engine = await stage.started({ jobs: [job], queues: { default: { threads: 8 } } });
          for (const round of ["unknown", "short"]) {
            const jobs = await Promise.all(range(8).map((index) => engine.enqueue(job, index)));
            await stage.clock.settle();
            expect(running.size, round).toBe(8);
            for (const held of running.values()) held.open();
            await Promise.all(jobs.map((one) => one.result()));
            running.clear();
            await Promise.all(range(200).map(() => engine.run(job, -1)));
          }
        },
        "on real threads that are held by what they run": async (stage) => {
          const engine = await stage.threads({ queues: { default: { threads: 3 } } });
          const begun = new Set<string>();
          const all = until(() => begun.size === 3, (look) => {
            engine.on("progress", ({ id }) => {
              begun.add(id);
              look();
            });
          });
          const jobs = await Promise.all(range(3).map(() => engine.enqueue("spins", null)));
          await all;
          expect([...begun].toSorted()).toEqual(jobs.map(({ id }) => id));
          await Promise.all(jobs.map((one) => one.cancel()));
          await Promise.allSettled(jobs.map((one) => one.result()));
        },
      },
    },
    {
      number: 23,
      tag: "FIX",
      says: "a job of the far future delays the reaction to nothing else",
      verdict: "tested",
      checks: {
        "not to a new job, a retry, a job of another queue, or a shorter delay": async (stage) => {
          const runs: (readonly [unknown, number])[] = [];
          const job = noting(stage, runs);
          const failing = defineJob({
            ...{ name: "failing", maxRetries: 1, backoff: linear("2s") },
            run: () => {
              runs.push(["failing", stage.clock.now()]);
              throw new Error("once more");
            },
          });
          const engine = await stage.started({ jobs: [job, failing] });
          const now = stage.clock.now();
          await engine.enqueue(job, "far", { delay: "365d" });
          await engine.enqueue(job, "farther", { delay: "3650d", priority: -9 });
          await engine.enqueue(failing, null);
          await engine.enqueue(job, "soon", { delay: "5s" });
          await engine.enqueue(job, "elsewhere", { delay: "6s", queue: "other" });
          await engine.enqueue(job, "now");
          await stage.clock.advance(10_000);
          expect(runs).toEqual([
            ["failing", now],
            ["now", now],
            ["failing", now + 2_000],
            ["soon", now + 5_000],
            ["elsewhere", now + 6_000],
          ]);
        },
      },
    },
  ],
};
