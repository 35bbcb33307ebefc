import { expect } from "vitest";
import { defineJob } from "../../src/job/define-job.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { range, threadsReady } from "./stage.js";
import type { Section } from "./statement.js";
import { wrapped } from "./wrapped-storage.js";

/** What the job `about the state` tells. */
interface AboutState {
  readonly made: number;
  readonly slot: number;
  readonly queue: string;
  readonly runs: number;
  readonly madeOn: number;
  readonly runsOn: number;
  readonly isMainThread: boolean;
  readonly hasFunction: boolean;
}

const ONCE = { maxRetries: 0 };

export const threadState: Section = {
  title: "F. The state of a thread",
  statements: [
    {
      number: 77,
      tag: "KEEP",
      says: "state is made on the thread that uses it, before its first job, and need not be transferable",
      verdict: "tested",
      checks: {
        "a state with a function in it, made by an async factory": async (stage) => {
          const engine = await stage.threads({ queues: { special: { threads: 1 } } });
          const about = (await engine.run("about the state", false, { queue: "special" })) as AboutState;
          expect(about).toMatchObject({ made: 1, runs: 1, slot: 0, queue: "special", isMainThread: false, hasFunction: true });
          expect(about.runsOn).toBe(about.madeOn);
        },
        "no job runs while the factory is still at work": async (stage) => {
          const order: string[] = [];
          const job = defineJob({ name: "job", run: (_: unknown, { state }) => order.push(`job with ${String(state)}`) });
          const storage = memoryStorage();
          await stage.engine({ jobs: [], storage }).enqueue(job, null);
          const starting = stage.started({
            ...{ jobs: [job], storage },
            state: async () => {
              order.push("factory");
              await new Promise<void>((resolve) => stage.clock.setTimer(5_000, resolve));
              order.push("made");
              return "state";
            },
          });
          await stage.clock.advance(4_999);
          expect(order).toEqual(["factory"]);
          await stage.clock.advance(1);
          await starting;
          await stage.clock.settle();
          expect(order).toEqual(["factory", "made", "job with state"]);
        },
      },
    },
    {
      number: 78,
      tag: "KEEP",
      says: "state survives between the jobs of a worker",
      verdict: "overridden",
      by: { page: "product", sentence: "state: … once per thread; may be async" },
      checks: {
        "one per thread, also with several jobs at once; a failing job does not cost it, a new thread has a new one": async (stage) => {
          const engine = await stage.threads({ queues: { default: { threads: 1, concurrency: 4 } } });
          const about = async (): Promise<AboutState> => (await engine.run("about the state", false)) as AboutState;
          const first = await about();
          const many = await Promise.all(range(8).map(() => about()));
          await expect(engine.run("about the state", true, ONCE)).rejects.toThrow("asked to");
          const last = await about();
          expect(many.map(({ runs }) => runs).toSorted((a, b) => a - b)).toEqual(range(8).map((index) => index + 2));
          expect(last).toEqual({ ...first, runs: 11 });
          await expect(engine.run("exits", { times: 1, code: 1 }, ONCE)).rejects.toMatchObject({ code: "MILLRACE_THREAD_EXITED" });
          const fresh = await about();
          expect(fresh).toMatchObject({ runs: 1, made: 1, slot: 0 });
          expect(fresh.madeOn).not.toBe(first.madeOn);
        },
      },
    },
    {
      number: 79,
      tag: "KEEP",
      says: "two threads never share a state",
      verdict: "tested",
      checks: {
        "each has its own, and knows its slot": async (stage) => {
          const engine = await stage.threads({ queues: { default: { threads: 2 }, other: { threads: 1 } } });
          await threadsReady(engine, "default", 2);
          const handles = [
            ...(await engine.enqueueMany("about the state", range(60).map(() => false))),
            ...(await engine.enqueueMany("about the state", range(10).map(() => false), { queue: "other" })),
          ];
          const all = (await Promise.all(handles.map((one) => one.result()))) as readonly AboutState[];
          expect(all.every(({ madeOn, runsOn }) => madeOn === runsOn)).toBe(true);
          const byThread = groupByThread(all);
          expect(byThread.size).toBe(3);
          for (const runs of byThread.values()) {
            // Nobody else has counted in this state.
            expect(runs.map((one) => one.runs).toSorted((a, b) => a - b)).toEqual(range(runs.length).map((index) => index + 1));
            expect(new Set(runs.map(({ queue, slot }) => `${queue} ${slot}`)).size).toBe(1);
          }
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
          const starting = engine.start().then(() => (hasStarted = true));
          const results = ["fast", "slow", "unconfigured"].map((queue, n) => engine.run(job, n, { queue }));
          await stage.clock.advance(8_999);
          expect(hasStarted).toBe(false);
          expect(booted).not.toContain("slow");
          await stage.clock.advance(1);
          await starting;
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
            const starting = engine.start();
            const running = engine.run(job, 1);
            await starting;
            expect(await running).toBe(1);
            expect(booted).toEqual(["default"]);
          }
        },
        "an engine that may not start, since the storage has an owner, opens nothing": async (stage) => {
          const storage = memoryStorage();
          const job = defineJob({ name: "job", run: (n: number) => n });
          const owner = await stage.started({ jobs: [job], storage });
          const booted: string[] = [];
          const other = stage.engine({ jobs: [job], storage, state: ({ queue }) => void booted.push(queue) });
          const starting = other.start();
          starting.catch(() => undefined);
          const results = await Promise.all([other.run(job, 1), owner.run(job, 2), other.run(job, 3, { queue: "new" })]);
          await expect(starting).rejects.toMatchObject({ code: "MILLRACE_STORAGE" });
          expect(results).toEqual([1, 2, 3]);
          expect(booted).toEqual([]);
        },
      },
    },
  ],
};

function groupByThread(all: readonly AboutState[]): ReadonlyMap<number, readonly AboutState[]> {
  const byThread = new Map<number, AboutState[]>();
  for (const one of all) byThread.set(one.madeOn, [...(byThread.get(one.madeOn) ?? []), one]);
  return byThread;
}
