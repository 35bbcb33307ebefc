import { expect } from "vitest";
import { systemClock } from "../../src/clock.js";
import { JobError, UnknownJobError } from "../../src/errors.js";
import { type Backoff, exponential, linear } from "../../src/job/backoff.js";
import { defineJob, type Job } from "../../src/job/define-job.js";
import { range, type Stage } from "./stage.js";
import type { Section } from "./statement.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const LATEST_TIME = 8.64e15;

interface Failing {
  readonly job: Job<unknown>;
  /** When it ran. */
  readonly runs: number[];
}

/** A job that always fails. */
function failing(stage: Stage, policy: { readonly maxRetries: number; readonly backoff: Backoff }): Failing {
  const runs: number[] = [];
  const job = defineJob({
    ...{ name: "failing", ...policy },
    run: () => {
      runs.push(stage.clock.now());
      throw new Error("always");
    },
  });
  return { job, runs };
}

function gaps(times: readonly number[]): readonly number[] {
  return times.slice(1).map((at, index) => at - (times[index] ?? 0));
}

export const retrying: Section = {
  title: "C. Retrying",
  statements: [
    {
      number: 31,
      tag: "KEEP",
      says: "success removes the job",
      verdict: "overridden",
      by: { page: "product", sentence: 'retention: { completed: { age: "1h", count: 1000 }, … } per queue by default. A handle keeps its own outcome even when the job is pruned' },
      checks: {
        "it is completed at once and never claimed again, and its row goes after its retention": async (stage) => {
          let runs = 0;
          const job = defineJob({ name: "job", run: () => (runs += 1) });
          const engine = await stage.started({ jobs: [job] });
          const handle = await engine.enqueue(job, null);
          expect(await handle.result()).toBe(1);
          expect(await handle.info()).toMatchObject({ state: "completed", finishedAt: stage.clock.now() });
          await stage.clock.advance(HOUR_MS - 1);
          expect((await handle.info())?.state).toBe("completed");
          await stage.clock.advance(1_000);
          expect(await handle.info()).toBeUndefined();
          expect(await handle.result()).toBe(1);
          await expect(engine.job(handle.id).result()).rejects.toBeInstanceOf(UnknownJobError);
          expect(runs).toBe(1);
        },
      },
    },
    {
      number: 32,
      tag: "KEEP",
      says: "Count(0): exactly 1 execution. Count(1): 2. Count(5): 6. Count(n): n + 1",
      verdict: "tested",
      checks: {
        "by definition and by option": async (stage) => {
          for (const maxRetries of [0, 1, 2, 5, 17]) {
            for (const asOption of [false, true]) {
              const { job, runs } = failing(stage, { maxRetries: asOption ? 3 : maxRetries, backoff: linear(1) });
              const engine = await stage.started({ jobs: [job] });
              const handle = await engine.enqueue(job, null, asOption ? { maxRetries } : {});
              await stage.clock.advance(HOUR_MS);
              expect(runs, `${maxRetries} retries`).toHaveLength(maxRetries + 1);
              expect(await handle.info()).toMatchObject({ state: "dead", attempt: maxRetries + 1, maxRetries });
              await expect(handle.result()).rejects.toMatchObject({ runs: maxRetries + 1 });
              await expect(handle.result()).rejects.toBeInstanceOf(JobError);
            }
          }
        },
      },
    },
    {
      number: 33,
      tag: "KEEP",
      says: "Infinite: still requeued after a large number of failures",
      verdict: "tested",
      checks: {
        "after a thousand, and the thousand-and-first may be good": async (stage) => {
          const job = defineJob({
            ...{ name: "job", maxRetries: Infinity, backoff: linear(1) },
            run: (_: unknown, { attempt, maxRetries }) => {
              if (attempt <= 1_000) throw new Error("not yet");
              return [attempt, maxRetries];
            },
          });
          const engine = await stage.started({ jobs: [job] });
          const handle = await engine.enqueue(job, null);
          await stage.clock.advance(999);
          expect(await handle.info()).toMatchObject({ state: "retrying", attempt: 1_000, maxRetries: Infinity });
          await stage.clock.advance(1);
          expect(await handle.result()).toEqual([1_001, Infinity]);
        },
      },
    },
    {
      number: 34,
      tag: "KEEP",
      says: "the k-th failure with exponential base b waits b^k seconds: 2, 4, 8, 16 …",
      verdict: "tested",
      checks: {
        "exactly, without jitter, for bases 2, 3 and 1.5": async (stage) => {
          for (const base of [2, 3, 1.5]) {
            const { job, runs } = failing(stage, { maxRetries: 12, backoff: exponential({ base, jitter: 0, maxDelay: "365d" }) });
            const engine = await stage.started({ jobs: [job] });
            await engine.enqueue(job, null);
            await stage.clock.advance(30 * DAY_MS);
            expect(gaps(runs)).toEqual(range(12).map((index) => base ** (index + 1) * 1_000));
          }
        },
        "never early": async (stage) => {
          const { job, runs } = failing(stage, { maxRetries: 5, backoff: exponential({ jitter: 0 }) });
          const engine = await stage.started({ jobs: [job] });
          await engine.enqueue(job, null);
          await stage.clock.settle();
          for (const waitMs of [2_000, 4_000, 8_000, 16_000, 32_000]) {
            const before = runs.length;
            await stage.clock.advance(waitMs - 1);
            expect(runs).toHaveLength(before);
            await stage.clock.advance(1);
            expect(runs).toHaveLength(before + 1);
          }
        },
        "with a jitter that spreads it evenly on both sides, and no further": async (stage) => {
          const { job, runs } = failing(stage, { maxRetries: 0, backoff: exponential({ base: 10, jitter: 0.5 }) });
          const engine = await stage.started({ jobs: [job] });
          const handles = await engine.enqueueMany(job, range(200), { maxRetries: 1 });
          const start = stage.clock.now();
          await stage.clock.advance(HOUR_MS);
          const waits = runs.slice(200).map((at) => at - start);
          expect(waits).toHaveLength(handles.length);
          expect(Math.min(...waits)).toBeGreaterThanOrEqual(5_000);
          expect(Math.max(...waits)).toBeLessThanOrEqual(15_000);
          expect(new Set(waits).size).toBeGreaterThan(190);
          const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
          expect(Math.abs(mean - 10_000)).toBeLessThan(1_000);
        },
      },
    },
    {
      number: 35,
      tag: "KEEP",
      says: "linear waits exactly the same each time",
      verdict: "tested",
      checks: {
        "seven times": async (stage) => {
          const { job, runs } = failing(stage, { maxRetries: 7, backoff: linear("90s") });
          const engine = await stage.started({ jobs: [job] });
          await engine.enqueue(job, null);
          await stage.clock.advance(HOUR_MS);
          expect(gaps(runs)).toEqual(range(7).map(() => 90_000));
        },
      },
    },
    {
      number: 36,
      tag: "KEEP",
      says: "the wait is counted from the end of the run, so a long run does not eat it",
      verdict: "tested",
      checks: {
        "runs of an hour, waits of a minute": async (stage) => {
          const ends: number[] = [];
          const starts: number[] = [];
          const job = defineJob({
            ...{ name: "long", maxRetries: 3, backoff: linear("1m") },
            run: async () => {
              starts.push(stage.clock.now());
              await new Promise<void>((resolve) => stage.clock.setTimer(HOUR_MS, resolve));
              ends.push(stage.clock.now());
              throw new Error("in the end");
            },
          });
          const engine = await stage.started({ jobs: [job] });
          await engine.enqueue(job, null);
          await stage.clock.advance(DAY_MS);
          expect(starts.slice(1).map((at, index) => at - (ends[index] ?? 0))).toEqual([60_000, 60_000, 60_000]);
        },
      },
    },
    {
      number: 37,
      tag: "KEEP",
      says: "exponential base 1 waits 1 s always; base 0 and linear 0 retry at once, and starve nobody",
      verdict: "tested",
      checks: {
        "base 1": async (stage) => {
          const { job, runs } = failing(stage, { maxRetries: 6, backoff: exponential({ base: 1, jitter: 0 }) });
          const engine = await stage.started({ jobs: [job] });
          await engine.enqueue(job, null);
          await stage.clock.advance(HOUR_MS);
          expect(gaps(runs)).toEqual(range(6).map(() => 1_000));
        },
        "base 0 and linear 0": async (stage) => {
          for (const backoff of [exponential({ base: 0 }), linear(0)]) {
            const { job, runs } = failing(stage, { maxRetries: 50, backoff });
            const engine = await stage.started({ jobs: [job] });
            const handle = await engine.enqueue(job, null);
            await stage.clock.settle();
            expect(gaps(runs)).toEqual(range(50).map(() => 0));
            expect((await handle.info())?.state).toBe("dead");
          }
        },
        "a job that fails for ever leaves its thread to others, and the event loop to timers": async (stage) => {
          const job = defineJob({
            ...{ name: "for ever", maxRetries: Infinity, backoff: linear(0) },
            run: () => {
              throw new Error("always");
            },
          });
          const other = defineJob({ name: "other", run: (n: number) => n });
          const clock = systemClock();
          const engine = await stage.started({ jobs: [job, other], clock });
          const { id } = await engine.enqueue(job, null);
          const others = await engine.enqueueMany(other, range(30));
          expect(await Promise.all(others.map((one) => one.result()))).toEqual(range(30));
          await new Promise<void>((resolve) => clock.setTimer(5, resolve));
          expect(await engine.run(other, 7)).toBe(7);
          await engine.cancel(id);
        },
      },
    },
    {
      number: 38,
      tag: "FIX",
      says: "huge bases and exponents are clamped: no overflow, no wrap, nothing negative, no lost job",
      verdict: "tested",
      checks: {
        "whatever the numbers, the next run is later than now, and a time that exists": async (stage) => {
          const { MAX_VALUE } = Number;
          const backoffs = [
            ...[1e300, 5e5, 2.5e11, MAX_VALUE].map((base) => exponential({ base, jitter: 0 })),
            ...[0, 0.1, 1].map((jitter) => exponential({ base: MAX_VALUE, maxDelay: MAX_VALUE, jitter })),
            exponential({ base: 1e300, maxDelay: 1.7e308 }),
            linear(MAX_VALUE),
          ];
          for (const backoff of backoffs) {
            const { job, runs } = failing(stage, { maxRetries: Infinity, backoff });
            const engine = await stage.started({ jobs: [job] });
            const many = await engine.enqueueMany(job, range(20));
            await stage.clock.settle();
            const now = stage.clock.now();
            for (const info of await Promise.all(many.map((one) => one.info()))) {
              expect(info?.state).toBe("retrying");
              expect(info?.runAt).toBeGreaterThan(now);
              expect(info?.runAt).toBeLessThanOrEqual(LATEST_TIME);
            }
            expect(runs).toHaveLength(20);
            await stage.stop(engine);
          }
        },
        "two thousand failures, each an hour after the other": async (stage) => {
          const { job, runs } = failing(stage, { maxRetries: Infinity, backoff: exponential({ base: 7, jitter: 0, maxDelay: "1h" }) });
          const engine = await stage.started({ jobs: [job] });
          await engine.enqueue(job, null);
          await stage.clock.advance(2_000 * HOUR_MS);
          expect(gaps(runs).slice(0, 4)).toEqual([7_000, 49_000, 343_000, 2_401_000]);
          expect(new Set(gaps(runs).slice(4))).toEqual(new Set([HOUR_MS]));
          expect(runs.length).toBeGreaterThan(1_995);
        },
        "a real timer of thirty days does not fire at once, as those of Node do": async (stage) => {
          const ran: string[] = [];
          const warnings: string[] = [];
          const note = ({ name }: Error): void => void warnings.push(name);
          process.on("warning", note);
          const job = defineJob({ name: "job", run: (name: string) => void ran.push(name) });
          const engine = await stage.started({ jobs: [job], clock: systemClock() });
          const far = await engine.enqueue(job, "far", { delay: "30d" });
          await engine.run(job, "near", { delay: 30 });
          expect(ran).toEqual(["near"]);
          expect((await far.info())?.state).toBe("scheduled");
          process.off("warning", note);
          expect(warnings).not.toContain("TimeoutOverflowWarning");
        },
      },
    },
  ],
};
