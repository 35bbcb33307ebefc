import { expect } from "vitest";
import { OptionsError } from "../../src/errors.js";
import { defineJob, type JobOptions } from "../../src/job/define-job.js";
import { show } from "../../src/job/duration.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { claim, end, ending, enqueueOne, givingBack, NOW } from "../../src/testing/storage-suite/sample-jobs.js";
import { gate, nextEvent, rowOf, type Stage } from "./stage.js";
import type { Check, Section, Statement } from "./statement.js";

const DAY_MS = 86_400_000;

/** What became of signs of life. */
const BY = {
  page: "architecture",
  sentence:
    "Claims are kept by the main side, never by the busy thread. A store with one owner (memory, SQLite) has no per-job expiry. " +
    "Liveness of a job is its deadline, liveness of a thread its exit event.",
} as const;

/** A job that is running, and its row now and after a day without a word of it. */
async function silentDay(stage: Stage): Promise<{ readonly runs: number; readonly rows: readonly unknown[]; readonly fence: number }> {
  const storage = memoryStorage();
  let runs = 0;
  const job = defineJob({
    name: "silent",
    run: () => {
      runs += 1;
      return new Promise<never>(() => undefined);
    },
  });
  const other = defineJob({ name: "other", run: () => null });
  const engine = await stage.started({ jobs: [job, other], storage, queues: { default: { threads: 2 } } });
  const { id } = await engine.enqueue(job, null);
  await stage.clock.settle();
  const first = await rowOf(storage, id, stage.clock);
  await stage.clock.advance(DAY_MS);
  // Others run, and the wall clock jumps: neither is a reason to take this one for dead.
  await engine.run(other, null);
  stage.clock.jump(DAY_MS);
  await stage.clock.advance(DAY_MS);
  return { runs, rows: [first, await rowOf(storage, id, stage.clock)], fence: first.fence };
}

const silence: Check = async (stage) => {
  const { runs, rows, fence } = await silentDay(stage);
  expect(runs).toBe(1);
  expect(rows[1]).toEqual(rows[0]);
  expect(rows[0]).toMatchObject({ state: "running", attempt: 1 });
  expect(fence).toBe(1);
};

function aboutHeartbeats(number: number, says: string, checks: Statement extends { checks: infer C } ? C : Readonly<Record<string, Check>>): Statement {
  return { number, says, tag: "KEEP", verdict: "overridden", by: BY, checks };
}

export const liveness: Section = {
  title: "E. Liveness",
  statements: [
    aboutHeartbeats(60, "a running job has a sign of life, set at claim and once per interval", {
      "it has an owner and a start, set at claim, and costs not one write while it runs": async (stage) => {
        const { rows } = await silentDay(stage);
        expect(rows[1]).toEqual(rows[0]);
        expect(rows[0]).toMatchObject({ runner: expect.any(String) as string, startedAt: expect.any(Number) as number });
      },
    }),
    aboutHeartbeats(61, "a job is handed out again once its sign of life is older than five intervals", {
      "it is not, however long it says nothing": silence,
      "it is, uncharged, when the one who ran it is known to be gone": async (stage) => {
        const storage = memoryStorage();
        await storage.open();
        await storage.own("gone");
        const id = await enqueueOne(storage, { maxRetries: 0, runAt: NOW, name: "job" });
        await claim(storage, { runner: "gone" });
        await storage.close();
        const rescued: unknown[] = [];
        const engine = stage.engine({ jobs: [defineJob({ name: "job", run: () => null })], storage });
        engine.on("rescued", (event) => rescued.push(event));
        await engine.start();
        await stage.clock.settle();
        // Its payload is no payload, which shows that it has run.
        expect(await engine.info(id)).toMatchObject({ state: "dead", attempt: 1 });
        expect(rescued).toMatchObject([{ id, attempt: 0 }]);
      },
    }),
    aboutHeartbeats(62, "the interval is set per job", {
      "there is none to set: the deadline is what is set per job": async (stage) => {
        expect(() => defineJob({ ...({ heartbeat: 5_000 } as object), name: "job", run: () => null })).toThrow(/heartbeat/);
        const ends: (readonly [string, number])[] = [];
        const start = stage.clock.now();
        const job = defineJob({
          ...{ name: "job", maxRetries: 0 },
          run: (_: unknown, { signal }) =>
            new Promise<never>((_resolve, reject) => {
              signal.addEventListener("abort", () => reject(new Error("asked to stop")));
            }),
        });
        const engine = await stage.started({ jobs: [job], queues: { default: { threads: 3 } } });
        const handles = await Promise.all(([1_000, 7_000, "1m"] as const).map((timeout) => engine.enqueue(job, null, { timeout })));
        engine.on("dead", ({ id }) => ends.push([id, stage.clock.now() - start]));
        await stage.clock.advance(DAY_MS);
        expect(ends).toEqual(handles.map(({ id }, index) => [id, [1_000, 7_000, 60_000][index]]));
      },
    }),
    {
      ...aboutHeartbeats(63, "handing a job out again changes neither its time nor its payload, and perhaps its retry count", {
        "given back by a stop, it costs no retry and keeps its place": async (stage) => {
          const storage = memoryStorage();
          const attempts: number[] = [];
          const held = gate();
          const job = defineJob({
            ...{ name: "job", maxRetries: 0 },
            run: (payload: string, { attempt }): Promise<string> => {
              attempts.push(attempt);
              return held.wait().then(() => payload);
            },
          });
          const first = await stage.started({ jobs: [job], storage });
          const { id } = await first.enqueue(job, "kept", { runAt: stage.clock.now() - 5 });
          await stage.clock.settle();
          const running = await rowOf(storage, id, stage.clock);
          await stage.stop(first);
          await storage.open();
          const returned = await rowOf(storage, id, stage.clock);
          expect(returned).toEqual({ ...running, state: "waiting", attempt: 0, runner: null, startedAt: null });
          const second = await stage.started({ jobs: [job], storage });
          held.open();
          expect(await second.job(id, job).result()).toBe("kept");
          expect(attempts).toEqual([1, 1]);
        },
      }),
      tag: "DECIDE",
      decision: "given-back-costs-nothing",
    },
    aboutHeartbeats(64, "a sign of life for an unknown job is ignored", {
      "whatever a store hears of an unknown job is ignored": async () => {
        const storage = memoryStorage();
        await storage.open();
        await enqueueOne(storage);
        const [job] = await claim(storage);
        const unknown = { ...job!, id: "unknown" };
        expect(await storage.complete([ending(unknown)])).toEqual([false]);
        expect(await storage.cancel(["unknown"], NOW)).toEqual(["unknown"]);
        expect(await storage.reclaim({ runner: "runner", queue: "default", keep: [job!, unknown], now: NOW })).toEqual([]);
        expect((await storage.count(NOW)).jobs).toEqual([{ queue: "default", name: "job", state: "running", count: 1 }]);
      },
    }),
    {
      number: 65,
      tag: "FIX",
      says: "whoever lost a job cannot end it any more",
      verdict: "tested",
      checks: {
        "neither after it was given back, nor while it runs elsewhere, nor after it ended there": async () => {
          const storage = memoryStorage();
          await storage.open();
          const id = await enqueueOne(storage);
          const [late] = await claim(storage, { runner: "late" });
          const word = async (): Promise<void> => {
            for (const to of ["completed", "dead", "retrying", "waiting", "cancelled", "scheduled"] as const) {
              expect(await storage.complete([ending(late!, { to, runAt: NOW + 1, attempt: 9 })]), to).toEqual([false]);
            }
          };
          await storage.reclaim({ runner: "other", queue: null, keep: [], now: NOW });
          await word();
          expect((await storage.get([id], NOW))[0]).toMatchObject({ state: "waiting", attempt: 0, runner: null, startedAt: null });
          const [current] = await claim(storage, { runner: "other" });
          await word();
          expect(current).toMatchObject({ id, fence: 2, attempt: 1, runAt: NOW });
          await end(storage, current!, { result: new Uint8Array([1]) });
          await word();
          expect((await storage.get([id], NOW))[0]).toMatchObject({ state: "completed", attempt: 1 });
        },
        "a run that goes on after its thread was given up": async (stage) => {
          const held = gate();
          const results: unknown[] = [];
          const job = defineJob({
            ...{ name: "job", timeout: "1s", maxRetries: 1 },
            run: async (_: unknown, { attempt }) => {
              if (attempt === 1) await held.wait();
              return attempt;
            },
          });
          const engine = await stage.started({ jobs: [job], grace: 0 });
          engine.on("completed", ({ attempt }) => results.push(attempt));
          const handle = await engine.enqueue(job, null);
          await stage.clock.advance(1_000);
          expect((await handle.info())?.state).toBe("retrying");
          held.open();
          await stage.clock.advance(60_000);
          expect(await handle.result()).toBe(2);
          expect(results).toEqual([2]);
        },
      },
    },
    {
      number: 66,
      tag: "FIX",
      says: "a job that blocks its thread for long, but is alive, is not run a second time",
      verdict: "tested",
      checks: {
        "by the manual clock, for two days": silence,
        "on a real thread that answers nothing, beside another that is idle": async (stage) => {
          const engine = await stage.threads({ queues: { default: { threads: 2 } } });
          const starts: string[] = [];
          engine.on("started", ({ id }) => starts.push(id));
          const spinning = nextEvent<{ readonly id: string }>((on) => engine.on("progress", on));
          const handle = await engine.enqueue("spins", null);
          expect((await spinning).id).toBe(handle.id);
          for (let n = 0; n < 200; n += 1) expect(await engine.run("echo", n)).toBe(n);
          expect(await handle.info()).toMatchObject({ state: "running", attempt: 1 });
          expect(starts.filter((id) => id === handle.id)).toHaveLength(1);
          expect(await handle.cancel()).toBe("cancelling");
          await expect(handle.result()).rejects.toMatchObject({ code: "MILLRACE_JOB_CANCELLED" });
        },
      },
    },
    {
      number: 67,
      tag: "FIX",
      says: "the numbers that liveness hangs on are checked at definition: 0, negative, NaN and huge ones are rejected",
      verdict: "tested",
      checks: {
        "the deadline of a job, of an enqueue and of a queue, and the grace": async (stage) => {
          const define = (timeout: unknown): unknown => defineJob({ name: "job", timeout: timeout as NonNullable<JobOptions["timeout"]>, run: () => null });
          for (const timeout of [0, -1, NaN, Infinity, -Infinity, "0s", "-1s", "5", "Infinity", null, {}, 5n, "9".repeat(400)]) {
            expect(() => define(timeout), show(timeout)).toThrow(OptionsError);
            expect(() => stage.engine({ jobs: [], queues: { default: { timeout: timeout as number } } }), show(timeout)).toThrow(OptionsError);
            await expect(stage.engine({ jobs: [] }).enqueue("job", null, { timeout: timeout as number })).rejects.toBeInstanceOf(OptionsError);
          }
          for (const grace of [-1, NaN, Infinity, "soon", null]) expect(() => stage.engine({ jobs: [], grace: grace as number })).toThrow(OptionsError);
        },
        "one that is longer than a timer of Node can be does not fire at once": async (stage) => {
          const job = defineJob({ ...{ name: "job", timeout: "60d", maxRetries: 0 }, run: () => new Promise<never>(() => undefined) });
          const engine = await stage.started({ jobs: [job] });
          const handle = await engine.enqueue(job, null);
          await stage.clock.advance(60 * DAY_MS - 1);
          expect((await handle.info())?.state).toBe("running");
          await stage.clock.advance(1_001);
          await expect(handle.result()).rejects.toMatchObject({ code: "MILLRACE_JOB_TIMEOUT" });
        },
      },
    },
    {
      number: 68,
      tag: "KEEP",
      says: "a late sign of life of a job that was requeued does not mark it as running",
      verdict: "tested",
      checks: {
        "no late word of any kind": async () => {
          const storage = memoryStorage();
          await storage.open();
          const id = await enqueueOne(storage);
          const [late] = await claim(storage);
          await end(storage, late!, { to: "retrying", runAt: NOW + 50 });
          expect(await storage.complete([ending(late!), givingBack(late!)])).toEqual([false, false]);
          await storage.reclaim({ runner: "runner", queue: "default", keep: [late!], now: NOW });
          expect((await storage.get([id], NOW))[0]).toMatchObject({ state: "retrying", runner: null, startedAt: null, runAt: NOW + 50 });
          expect(await claim(storage, { now: NOW + 50 })).toMatchObject([{ id, fence: 2 }]);
        },
      },
    },
  ],
};
