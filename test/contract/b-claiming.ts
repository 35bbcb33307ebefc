import { expect } from "vitest";
import { defineJob } from "../../src/job/define-job.js";
import { linear } from "../../src/job/backoff.js";
import type { ClaimedJob } from "../../src/job/job-record.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { gate, range, rowOf } from "./stage.js";
import type { Section } from "./statement.js";
import { counted, wrapped } from "./wrapped-storage.js";

const DAY_MS = 86_400_000;

export const claiming: Section = {
  title: "B. Claiming",
  statements: [
    {
      number: 24,
      tag: "KEEP",
      says: "of many threads and many jobs, each job is given out exactly once",
      verdict: "tested",
      checks: {
        "500 jobs that take their time, on 7 threads of 3 jobs at once": async (stage) => {
          const runs = new Map<number, number>();
          const job = defineJob({
            name: "job",
            run: async (index: number) => {
              runs.set(index, (runs.get(index) ?? 0) + 1);
              for (let turn = 0; turn < index % 5; turn += 1) await Promise.resolve();
              return index;
            },
          });
          const engine = await stage.started({ jobs: [job], queues: { default: { threads: 7, concurrency: 3 } } });
          const handles = await engine.enqueueMany(job, range(500));
          expect(await Promise.all(handles.map((one) => one.result()))).toEqual(range(500));
          expect([...runs.values()]).toEqual(range(500).map(() => 1));
          await stage.clock.advance(DAY_MS);
          expect(runs.size).toBe(500);
        },
      },
    },
    {
      number: 25,
      tag: "KEEP",
      says: "who runs a job, and since when, is stored in the same step as the choice of it",
      verdict: "tested",
      checks: {
        "before the claim has answered, and the same as the row that was handed out": async (stage) => {
          const inner = memoryStorage();
          const seen: unknown[] = [];
          let handedOut: readonly ClaimedJob[] = [];
          const storage = wrapped(inner, {
            claim: async (request) => {
              const claim = inner.claim(request);
              // Asked before the answer of the claim is there.
              const rows = inner.get([id], request.now);
              handedOut = await claim;
              if (handedOut.length > 0) seen.push(...(await rows));
              return handedOut;
            },
          });
          const held = gate();
          const job = defineJob({ name: "job", run: () => held.wait() });
          const { id } = await stage.engine({ jobs: [], storage }).enqueue(job, null);
          await stage.clock.advance(9);
          const engine = await stage.started({ jobs: [job], storage });
          await stage.clock.settle();
          const now = stage.clock.now();
          expect(seen).toEqual(handedOut);
          expect(seen).toMatchObject([{ id, state: "running", startedAt: now, fence: 1, attempt: 1, runner: expect.any(String) as string }]);
          expect(await engine.info(id)).toMatchObject({ state: "running", startedAt: now, attempt: 1 });
          held.open();
        },
      },
    },
    {
      number: 26,
      tag: "KEEP",
      says: "a running job is invisible to those who claim, and still returned by info",
      verdict: "tested",
      checks: {
        "however long it runs": async (stage) => {
          const storage = memoryStorage();
          let runs = 0;
          const job = defineJob({
            name: "job",
            run: () => {
              runs += 1;
              return new Promise<never>(() => undefined);
            },
          });
          const engine = await stage.started({ jobs: [job], storage, queues: { default: { threads: 2 } } });
          const { id } = await engine.enqueue(job, null);
          await stage.clock.advance(DAY_MS);
          const claim = { queue: "default", names: ["job"], limit: 10, runner: "other", now: stage.clock.now() };
          expect(await storage.claim(claim)).toEqual([]);
          expect(await engine.info(id)).toMatchObject({ state: "running", attempt: 1 });
          expect(runs).toBe(1);
        },
      },
    },
    {
      number: 27,
      tag: "KEEP",
      says: "changing what was handed out does not change what is stored",
      verdict: "tested",
      checks: {
        "a job that spoils its payload and its meta": async (stage) => {
          const seen: unknown[] = [];
          const job = defineJob({
            ...{ name: "job", maxRetries: 2, backoff: linear(0) },
            run: (payload: { list: number[]; bytes: Uint8Array }, { meta }) => {
              seen.push([structuredClone(payload), { ...meta }]);
              payload.list.push(0);
              payload.bytes.fill(9);
              try {
                (meta as Record<string, string>)["tenant"] = "spoilt";
              } catch {
                // Frozen is as good as copied.
              }
              throw new Error("again");
            },
          });
          const engine = await stage.started({ jobs: [job] });
          const handle = await engine.enqueue(job, { list: [1], bytes: new Uint8Array([1, 2]) }, { meta: { tenant: "one" } });
          await expect(handle.result()).rejects.toThrow("again");
          expect(seen).toEqual(range(3).map(() => [{ list: [1], bytes: new Uint8Array([1, 2]) }, { tenant: "one" }]));
          expect((await handle.info())?.meta).toEqual({ tenant: "one" });
        },
        "a store hands out rows of its own": async (stage) => {
          const storage = memoryStorage();
          const { id } = await stage.engine({ jobs: [], storage }).enqueue("job", null);
          const [claimed] = await storage.claim({ queue: "default", names: ["job"], limit: 1, runner: "me", now: stage.clock.now() });
          Object.assign(claimed!, { state: "dead", fence: 9, attempt: 9, runner: "nobody", queue: "other" });
          expect(await rowOf(storage, id, stage.clock)).toMatchObject({ state: "running", fence: 1, attempt: 1, runner: "me", queue: "default" });
        },
      },
    },
    {
      number: 28,
      tag: "KEEP",
      says: "idle threads cost nothing: nobody spins when nothing is eligible",
      verdict: "tested",
      checks: {
        "no timer and no call of storage in a day, with empty queues": async (stage) => {
          const { storage, calls } = counted(memoryStorage());
          const engine = await stage.started({ jobs: [], storage, queues: { a: { threads: 2 }, b: { threads: 3 } } });
          await stage.clock.settle();
          expect(stage.clock.timers).toBe(0);
          const before = calls();
          await stage.clock.advance(DAY_MS);
          expect(calls()).toBe(before);
          expect((await engine.stats()).queues["b"]?.threads).toBe(3);
        },
        "one timer, and no call of storage before it, with jobs of the future, of unknown names, in a paused queue and without threads": async (stage) => {
          const { storage, calls } = counted(memoryStorage());
          const job = defineJob({ name: "job", run: () => null });
          const engine = await stage.started({ jobs: [job], storage, queues: { default: { threads: 1 }, paused: { threads: 1 }, none: { threads: 0 } } });
          await engine.pause("paused");
          await engine.enqueueMany(job, range(5), { delay: "2d" });
          await engine.enqueueMany("unknown", range(5));
          await engine.enqueueMany(job, range(5), { queue: "paused" });
          await engine.enqueueMany(job, range(5), { queue: "none" });
          await stage.clock.settle();
          expect(stage.clock.timers).toBe(1);
          const before = calls();
          await stage.clock.advance(DAY_MS);
          expect(calls()).toBe(before);
          expect(stage.clock.timers).toBe(1);
        },
      },
    },
    {
      number: 29,
      tag: "KEEP",
      says: "a job in back-off does not hold up jobs that came after it",
      verdict: "tested",
      checks: {
        "not even one of the highest priority": async (stage) => {
          const order: string[] = [];
          const job = defineJob({
            ...{ name: "job", backoff: linear("1h"), maxRetries: 1 },
            run: (name: string, { attempt }) => {
              order.push(name);
              if (name === "failing" && attempt === 1) throw new Error("later");
            },
          });
          const engine = await stage.started({ jobs: [job] });
          const failing = await engine.enqueue(job, "failing", { priority: -5 });
          await stage.clock.settle();
          expect((await failing.info())?.state).toBe("retrying");
          await engine.run(job, "first");
          await engine.run(job, "second", { priority: 5 });
          expect(order).toEqual(["failing", "first", "second"]);
          await stage.clock.advance(3_600_000);
          expect(order).toEqual(["failing", "first", "second", "failing"]);
        },
      },
    },
    {
      number: 30,
      tag: "KEEP",
      says: "a claim that fails or is broken off neither loses a job nor keeps it claimed",
      verdict: "tested",
      checks: {
        "claimed, but the answer was lost": async (stage) => {
          const inner = memoryStorage();
          let losses = 3;
          const storage = wrapped(inner, {
            claim: async (request) => {
              const jobs = await inner.claim(request);
              if (jobs.length > 0 && losses-- > 0) throw new Error("the answer was lost");
              return jobs;
            },
          });
          const attempts: number[] = [];
          const job = defineJob({ name: "job", run: (_: unknown, { attempt }) => void attempts.push(attempt) });
          const engine = await stage.started({ jobs: [job], storage });
          const errors: unknown[] = [];
          engine.on("error", ({ error }) => errors.push(error));
          const handles = await engine.enqueueMany(job, range(3));
          await stage.clock.advance(60_000);
          await Promise.all(handles.map((one) => one.result()));
          expect(attempts).toEqual([1, 1, 1]);
          expect(errors).toHaveLength(3);
        },
        "under way when the engine stops": async (stage) => {
          const inner = memoryStorage();
          const answered = gate();
          const storage = wrapped(inner, {
            claim: async (request) => {
              const jobs = await inner.claim(request);
              await answered.wait();
              return jobs;
            },
          });
          const ran: string[] = [];
          const job = defineJob({ name: "job", run: (_: unknown, { id }) => void ran.push(id) });
          const engine = await stage.started({ jobs: [job], storage });
          const { id } = await engine.enqueue(job, null);
          const stopped = engine.stop();
          await stage.clock.settle();
          answered.open();
          expect(await stopped).toEqual({ completed: 0, returned: 1 });
          expect(ran).toEqual([]);
          await inner.open();
          expect(await rowOf(inner, id, stage.clock)).toMatchObject({ state: "waiting", attempt: 0, runner: null });
          const next = await stage.started({ jobs: [job], storage: inner });
          await next.job(id).result();
          expect(ran).toEqual([id]);
        },
      },
    },
  ],
};
