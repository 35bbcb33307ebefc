import { expect } from "vitest";
import { systemClock } from "../../src/clock.js";
import { OptionsError } from "../../src/errors.js";
import { defineJob, type Job } from "../../src/job/define-job.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { gate, range } from "./stage.js";
import type { Section } from "./statement.js";

const HOUR_MS = 3_600_000;

/** A job that notes its payloads in the order in which they run. */
function noting(order: unknown[]): Job<unknown> {
  return defineJob({ name: "note", run: (payload: unknown) => void order.push(payload) });
}

export const selecting: Section = {
  title: "B. Selecting",
  statements: [
    {
      number: 14,
      tag: "KEEP",
      says: "a job is never handed out before it is due",
      verdict: "tested",
      checks: {
        "not by a millisecond, and not by a part of one": async (stage) => {
          const order: unknown[] = [];
          const job = noting(order);
          const engine = await stage.started({ jobs: [job] });
          await engine.enqueue(job, "whole", { delay: 1_000 });
          await engine.enqueue(job, "part", { runAt: stage.clock.now() + 1_000.5 });
          await stage.clock.advance(999);
          // Others wake the queue meanwhile.
          await engine.enqueue(job, "wakes");
          await stage.clock.advance(0.99);
          expect(order).toEqual(["wakes"]);
          await stage.clock.advance(0.01);
          expect(order).toEqual(["wakes", "whole"]);
          await stage.clock.advance(0.49);
          expect(order).toHaveLength(2);
          await stage.clock.advance(0.01);
          expect(order).toEqual(["wakes", "whole", "part"]);
        },
        "not when the wall clock was set back meanwhile": async (stage) => {
          const runs: number[] = [];
          const job = defineJob({ name: "job", run: () => void runs.push(stage.clock.now()) });
          const engine = await stage.started({ jobs: [job] });
          const dueAt = stage.clock.now() + 1_000;
          await engine.enqueue(job, null, { runAt: dueAt });
          stage.clock.jump(-5_000);
          await stage.clock.advance(1_000);
          expect(runs).toEqual([]);
          await stage.clock.advance(5_000);
          expect(runs).toEqual([dueAt]);
        },
        "not when it was due, and the wall clock is set back before a thread is free": async (stage) => {
          const runs: (readonly [unknown, number])[] = [];
          const held = gate();
          const job = defineJob({
            name: "job",
            run: (payload: string): Promise<void> | void => {
              runs.push([payload, stage.clock.now()]);
              return payload === "holds" ? held.wait() : undefined;
            },
          });
          const engine = await stage.started({ jobs: [job] });
          const start = stage.clock.now();
          await engine.enqueue(job, "holds");
          await engine.enqueue(job, "waits", { runAt: start + 100 });
          await stage.clock.advance(200);
          expect((await engine.list({ state: "waiting" })).jobs).toHaveLength(1);
          stage.clock.jump(-5_000);
          held.open();
          await stage.clock.advance(4_899);
          expect(runs).toEqual([["holds", start]]);
          await stage.clock.advance(60_000);
          expect(runs[1]).toEqual(["waits", start + 100]);
        },
        "not by real timers, which fire early now and then": async (stage) => {
          const early: number[] = [];
          const job = defineJob({
            name: "job",
            run: (dueAt: number) => {
              const leftMs = dueAt - Date.now();
              if (leftMs > 0) early.push(leftMs);
            },
          });
          const engine = await stage.started({ jobs: [job], clock: systemClock(), queues: { default: { threads: 4 } } });
          const dueTimes = range(60).map((index) => Date.now() + index + 0.5);
          await Promise.all(dueTimes.map((runAt) => engine.run(job, runAt, { runAt })));
          expect(early).toEqual([]);
        },
      },
    },
    {
      number: 15,
      tag: "KEEP",
      says: "eligible jobs of one queue are handed out in the order in which they are due",
      verdict: "tested",
      checks: {
        "whatever the order of enqueue": async (stage) => {
          const order: unknown[] = [];
          const job = noting(order);
          const storage = memoryStorage();
          const client = stage.engine({ jobs: [], storage });
          const now = stage.clock.now();
          const ages = range(50).map((index) => (index * 37) % 50);
          for (const age of ages) await client.enqueue(job, age, { runAt: now - age });
          await stage.started({ jobs: [job], storage });
          await stage.clock.settle();
          expect(order).toEqual(range(50).toReversed());
        },
        "by their own time, not by when that was noticed": async (stage) => {
          const order: unknown[] = [];
          const job = noting(order);
          const storage = memoryStorage();
          const client = stage.engine({ jobs: [], storage });
          for (const delay of [30, 10, 20]) await client.enqueue(job, delay, { delay });
          await stage.clock.advance(HOUR_MS);
          await stage.started({ jobs: [job], storage });
          await stage.clock.settle();
          expect(order).toEqual([10, 20, 30]);
        },
      },
    },
    {
      number: 16,
      tag: "FIX",
      says: "ties are broken by the order of enqueue",
      verdict: "tested",
      checks: {
        "300 jobs of one millisecond, of one call and of many": async (stage) => {
          const order: unknown[] = [];
          const job = noting(order);
          const storage = memoryStorage();
          const client = stage.engine({ jobs: [], storage });
          await client.enqueueMany(job, range(100));
          await Promise.all(range(100).map((index) => client.enqueue(job, 100 + index)));
          for (const index of range(100)) await client.enqueue(job, 200 + index, { runAt: stage.clock.now() });
          await stage.started({ jobs: [job], storage });
          await stage.clock.settle();
          expect(order).toEqual(range(300));
        },
      },
    },
    {
      number: 17,
      tag: "KEEP",
      says: "a queue never gets a job of another, however alike their names are",
      verdict: "overridden",
      by: { page: "product", sentence: "unknown option, wrong type, NaN, negative, timeout: 0, zero period, empty name: OptionsError at the call; nothing stored" },
      checks: {
        "prefixes, separators, unicode": async (stage) => {
          const queues = ["a", "ab", "a,b", "a:b", "a b", " a", "A", "ä", "a\u0308", "日本", "%", "'", "__proto__", "constructor", "a/../b"];
          const wrong: string[] = [];
          const job = defineJob({
            name: "job",
            run: (queue: string, ctx) => {
              if (ctx.queue !== queue) wrong.push(`${queue} in ${ctx.queue}`);
              return ctx.state;
            },
          });
          const configured = Object.fromEntries(queues.slice(0, 5).map((queue) => [queue, { threads: 1 }]));
          const engine = await stage.started({ jobs: [job], queues: configured, state: ({ queue }) => `state of ${queue}` });
          const results = await Promise.all(queues.map((queue) => engine.run(job, queue, { queue })));
          expect(wrong).toEqual([]);
          expect(results).toEqual(queues.map((queue) => `state of ${queue}`));
        },
        "an empty name is an OptionsError": async (stage) => {
          const engine = stage.engine({ jobs: [] });
          await expect(engine.enqueue("job", null, { queue: "" })).rejects.toBeInstanceOf(OptionsError);
          await expect(engine.enqueue("", null)).rejects.toBeInstanceOf(OptionsError);
          expect(() => defineJob({ name: "job", queue: "", run: () => null })).toThrow(OptionsError);
          expect(() => defineJob({ name: "", run: () => null })).toThrow(OptionsError);
          expect(() => stage.engine({ jobs: [], queues: { "": { threads: 1 } } })).toThrow(OptionsError);
          expect((await engine.list()).jobs).toEqual([]);
        },
      },
    },
    {
      number: 18,
      tag: "KEEP",
      says: "a job of a queue that nobody works waits for ever",
      verdict: "overridden",
      by: {
        page: "product",
        sentence: "another queue that some job names gets one thread when its first job comes. threads: 0 is legal: the jobs wait.",
      },
      checks: {
        "a queue that nobody configured gets a thread": async (stage) => {
          const job = defineJob({ name: "job", run: (_: unknown, { queue }) => queue });
          const engine = await stage.started({ jobs: [job] });
          expect(await engine.run(job, null, { queue: "new" })).toBe("new");
          expect((await engine.stats()).queues["new"]?.threads).toBe(1);
        },
        "with no threads it waits a year, untouched, and runs once there is one": async (stage) => {
          const storage = memoryStorage();
          const job = defineJob({ name: "job", run: (_: unknown, { attempt }) => attempt });
          const first = await stage.started({ jobs: [job], storage, queues: { none: { threads: 0 } } });
          const { id } = await first.enqueue(job, null, { queue: "none" });
          const before = await first.info(id);
          await stage.clock.advance(365 * 24 * HOUR_MS);
          expect(await first.info(id)).toEqual(before);
          expect(before).toMatchObject({ state: "waiting", attempt: 0 });
          await stage.stop(first);
          const second = await stage.started({ jobs: [job], storage, queues: { none: { threads: 1 } } });
          expect(await second.job(id, job).result()).toBe(1);
        },
      },
    },
  ],
};
