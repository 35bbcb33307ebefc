import { expect } from "vitest";
import { defineJob } from "../../src/job/define-job.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { range, threadsReady } from "./stage.js";
import type { Section } from "./statement.js";

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
  ],
};

function groupByThread(all: readonly AboutState[]): ReadonlyMap<number, readonly AboutState[]> {
  const byThread = new Map<number, AboutState[]>();
  for (const one of all) byThread.set(one.madeOn, [...(byThread.get(one.madeOn) ?? []), one]);
  return byThread;
}
