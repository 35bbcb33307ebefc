import { expect } from "vitest";
import { exponential } from "../../src/job/backoff.js";
import { defineJob } from "../../src/job/define-job.js";
import { OptionsError } from "../../src/errors.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { range } from "./stage.js";
import type { Section } from "./statement.js";

const HOUR_MS = 3_600_000;

export const enqueuing: Section = {
  title: "A. Enqueuing",
  statements: [
    {
      number: 7,
      tag: "KEEP",
      says: "a new job has no attempt yet, and unscheduled it is due when it was enqueued",
      verdict: "tested",
      checks: {
        "attempt 0, runAt = createdAt = now": async (stage) => {
          const engine = stage.engine({ jobs: [] });
          await stage.clock.advance(123);
          const now = stage.clock.now();
          const { id } = await engine.enqueue("job", null);
          const later = await engine.enqueue("job", null, { delay: 5 });
          expect(await engine.info(id)).toMatchObject({ state: "waiting", attempt: 0, createdAt: now, runAt: now, startedAt: null, finishedAt: null });
          expect(await later.info()).toMatchObject({ state: "scheduled", attempt: 0, createdAt: now, runAt: now + 5 });
        },
      },
    },
    {
      number: 8,
      tag: "KEEP",
      says: "an id is unique, time-ordered, and the same over retries, returns and redeliveries",
      verdict: "tested",
      checks: {
        "10,000 ids of one millisecond, and some after the clock went back": async (stage) => {
          const engine = stage.engine({ jobs: [] });
          const handles = await engine.enqueueMany("job", range(10_000));
          stage.clock.jump(-HOUR_MS);
          const later = await engine.enqueueMany("job", range(10));
          const ids = [...handles, ...later].map(({ id }) => id);
          expect(new Set(ids).size).toBe(ids.length);
          expect(ids).toEqual(ids.toSorted());
        },
        "one id over a retry, a stop and a new engine": async (stage) => {
          const storage = memoryStorage();
          const seen: (readonly [string, number])[] = [];
          const job = defineJob({
            ...{ name: "job", backoff: exponential({ jitter: 0 }) },
            run: (_: unknown, { id, attempt }) => {
              seen.push([id, attempt]);
              if (attempt === 1) throw new Error("first");
              return seen.length === 2 ? new Promise<never>(() => undefined) : "done";
            },
          });
          const first = await stage.started({ jobs: [job], storage });
          const { id } = await first.enqueue(job, null);
          await stage.clock.advance(2_000);
          await stage.stop(first);
          const second = await stage.started({ jobs: [job], storage });
          expect(await second.job(id, job).result()).toBe("done");
          expect(seen).toEqual([
            [id, 1],
            [id, 2],
            [id, 2],
          ]);
        },
      },
    },
    {
      number: 9,
      tag: "KEEP",
      says: "a job of the past is eligible at once, and comes before jobs that are due later",
      verdict: "tested",
      checks: {
        "by the time it was due": async (stage) => {
          const order: string[] = [];
          const job = defineJob({ name: "job", run: (name: string) => void order.push(name) });
          const storage = memoryStorage();
          const now = stage.clock.now();
          const client = stage.engine({ jobs: [job], storage });
          await client.enqueue(job, "now");
          await client.enqueue(job, "an hour ago", { runAt: now - HOUR_MS });
          await client.enqueue(job, "a minute ago", { runAt: new Date(now - 60_000) });
          await client.enqueue(job, "next", { runAt: now + 1 });
          await stage.started({ jobs: [job], storage });
          await stage.clock.settle();
          expect(order).toEqual(["an hour ago", "a minute ago", "now"]);
          await stage.clock.advance(1);
          expect(order.at(-1)).toBe("next");
        },
      },
    },
    {
      number: 10,
      tag: "FIX",
      says: "a time of 0, before it, or none at all never crashes: it is now, or a typed error",
      verdict: "tested",
      checks: {
        "the epoch and before is now": async (stage) => {
          const job = defineJob({ name: "job", run: (index: number) => index });
          const engine = await stage.started({ jobs: [job] });
          const times = [0, -0, 1, 999, -1, -1_000, -8.64e15, new Date(0), new Date(-1)];
          const results = times.map((runAt, index) => engine.run(job, index, { runAt }));
          expect(await Promise.all(results)).toEqual(times.map((_, index) => index));
        },
        "what is no time is an OptionsError, and nothing is stored": async (stage) => {
          const engine = stage.engine({ jobs: [] });
          const times: unknown[] = [NaN, Infinity, -Infinity, 8.64e15 + 2, new Date(NaN), "tomorrow", 1n, null, {}];
          for (const runAt of times) {
            await expect(engine.enqueue("job", null, { runAt: runAt as number })).rejects.toBeInstanceOf(OptionsError);
          }
          for (const delay of [NaN, Infinity, -1, "5", "5 s", null, {}]) {
            await expect(engine.enqueue("job", null, { delay: delay as number })).rejects.toBeInstanceOf(OptionsError);
          }
          await expect(engine.enqueue("job", null, { delay: 1, runAt: 1 })).rejects.toBeInstanceOf(OptionsError);
          expect((await engine.list()).jobs).toEqual([]);
        },
        "the end of time is never, and no error": async (stage) => {
          let runs = 0;
          const job = defineJob({ name: "job", run: () => void (runs += 1) });
          const engine = await stage.started({ jobs: [job] });
          await engine.enqueue(job, null, { delay: Number.MAX_VALUE });
          await engine.enqueue(job, null, { runAt: 8.64e15 });
          await stage.clock.advance(365 * 24 * HOUR_MS);
          expect(runs).toBe(0);
          expect((await engine.list({ state: "scheduled" })).jobs.map(({ runAt }) => runAt)).toEqual([8.64e15, 8.64e15]);
        },
      },
    },
    {
      number: 11,
      tag: "FIX",
      says: "enqueue gives a handle with the id",
      verdict: "tested",
      checks: {
        "which the job itself and info know": async (stage) => {
          const job = defineJob({ name: "job", run: (_: unknown, { id }) => id });
          const engine = await stage.started({ jobs: [job] });
          const handle = await engine.enqueue(job, null);
          expect(await handle.result()).toBe(handle.id);
          expect(await engine.info(handle.id)).toMatchObject({ id: handle.id, name: "job" });
          const many = await engine.enqueueMany(job, range(3));
          expect(await Promise.all(many.map((one) => one.result()))).toEqual(many.map(({ id }) => id));
        },
      },
    },
    {
      number: 12,
      tag: "KEEP",
      says: "a job can enqueue another",
      verdict: "tested",
      checks: {
        "also with the only thread of the queue, and to another queue": async (stage) => {
          const order: string[] = [];
          const job = defineJob({
            name: "job",
            run: async (depth: number, ctx): Promise<string> => {
              order.push(`${ctx.queue} ${depth}`);
              if (depth === 0) return ctx.id;
              return (await ctx.enqueue("job", depth - 1, depth === 1 ? { queue: "other" } : {})).id;
            },
          });
          const engine = await stage.started({ jobs: [job] });
          await engine.run(job, 3);
          await stage.clock.settle();
          expect(order).toEqual(["default 3", "default 2", "default 1", "other 0"]);
        },
        "from a real thread, and from its state factory": async (stage) => {
          const engine = await stage.threads({ env: { ENQUEUE_FROM_STATE: "yes" } });
          const id = (await engine.run("enqueues", { job: "echo", payload: { deep: [1] } })) as string;
          expect(await engine.job(id).result()).toEqual({ deep: [1] });
          const { jobs } = await engine.list({ name: "enqueued by state" });
          expect(jobs).toMatchObject([{ queue: "by state", state: "waiting" }]);
        },
      },
    },
    {
      number: 13,
      tag: "KEEP",
      says: "enqueuing while no worker exists succeeds, and the job waits",
      verdict: "tested",
      checks: {
        "for an engine that starts later, on any engine of the storage": async (stage) => {
          const storage = memoryStorage();
          const job = defineJob({ name: "job", run: (n: number) => n + 1 });
          const client = stage.engine({ jobs: [], storage });
          const handle = await client.enqueue(job, 1);
          const results = handle.result();
          await stage.clock.advance(HOUR_MS);
          expect(await handle.info()).toMatchObject({ state: "waiting", attempt: 0 });
          await stage.started({ jobs: [job], storage });
          expect(await results).toBe(2);
        },
      },
    },
  ],
};
