import { expect } from "vitest";
import { OptionsError } from "../../src/errors.js";
import { defineJob, type Job } from "../../src/job/define-job.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { range, type Stage } from "./stage.js";
import type { Section } from "./statement.js";
import { wrapped } from "./wrapped-storage.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** A job that notes when it runs, counted from now. */
function noting(stage: Stage): { readonly job: Job<unknown>; readonly runs: number[] } {
  const runs: number[] = [];
  const start = stage.clock.now();
  const job = defineJob({ name: "tick", run: () => void runs.push(stage.clock.now() - start) });
  return { job, runs };
}

export const every: Section = {
  title: "G. Every",
  statements: [
    {
      number: 82,
      tag: "KEEP",
      says: "the first job comes at once, the others at a fixed rate, without drift",
      verdict: "tested",
      checks: {
        "to the millisecond, for a thousand ticks": async (stage) => {
          const { job, runs } = noting(stage);
          const engine = await stage.started({ jobs: [job] });
          const { name, nextAt } = await engine.every("7s", job, null);
          await stage.clock.settle();
          expect(runs).toEqual([0]);
          expect([name, nextAt]).toEqual(["tick", stage.clock.now()]);
          await stage.clock.advance(999 * 7_000);
          expect(runs).toEqual(range(1_000).map((index) => index * 7_000));
        },
        "however late and long each tick is": async (stage) => {
          const { job, runs } = noting(stage);
          const inner = memoryStorage();
          const storage = wrapped(inner, {
            tick: async (request) => {
              await new Promise<void>((resolve) => stage.clock.setTimer(300, resolve));
              return inner.tick(request);
            },
          });
          const engine = await stage.started({ jobs: [job], storage });
          await engine.every(1_000, job, null);
          await stage.clock.advance(10_500);
          expect(runs).toEqual(range(11).map((index) => index * 1_000 + 300));
        },
        "several schedules, each with its own rate, payload and queue": async (stage) => {
          const seen: string[] = [];
          const start = stage.clock.now();
          const job = defineJob({ name: "job", run: (payload: string, { queue }) => void seen.push(`${stage.clock.now() - start} ${payload} ${queue}`) });
          const engine = await stage.started({ jobs: [job] });
          await engine.every(200, job, "a", { name: "first" });
          await engine.every(300, job, "b", { name: "second", queue: "other" });
          await stage.clock.advance(650);
          const expected = ["0 a default", "0 b other", "200 a default", "300 b other", "400 a default", "600 a default", "600 b other"];
          expect(seen.toSorted()).toEqual(expected.toSorted());
          expect((await engine.schedules()).map(({ name, everyMs, nextAt }) => [name, everyMs, nextAt - start])).toEqual([
            ["first", 200, 800],
            ["second", 300, 900],
          ]);
        },
      },
    },
    {
      number: 83,
      tag: "KEEP",
      says: "runs may overlap if a run is longer than the period; whether that can be forbidden is to be decided",
      decision: "overlap-is-allowed-unless-skipped",
      verdict: "tested",
      checks: {
        "they overlap unless told to skip": async (stage) => {
          for (const overlap of [undefined, "allow", "skip"] as const) {
            let running = 0;
            let most = 0;
            const starts: number[] = [];
            const start = stage.clock.now();
            const job = defineJob({
              name: "long",
              run: async () => {
                starts.push(stage.clock.now() - start);
                running += 1;
                most = Math.max(most, running);
                await new Promise<void>((resolve) => stage.clock.setTimer(2_500, resolve));
                running -= 1;
              },
            });
            const engine = await stage.started({ jobs: [job], queues: { default: { threads: 4 } } });
            await engine.every(1_000, job, null, overlap === undefined ? {} : { overlap });
            await stage.clock.advance(6_900);
            expect(most).toBe(overlap === "skip" ? 1 : 3);
            // Ticks that are skipped are not made up for.
            expect(starts).toEqual(overlap === "skip" ? [0, 3_000, 6_000] : range(7).map((index) => index * 1_000));
            await stage.stop(engine);
          }
        },
      },
    },
    {
      number: 84,
      tag: "KEEP",
      says: "an enqueue that fails does not stop the schedule",
      verdict: "tested",
      checks: {
        "a failing storage is told as an error and tried again, and the grid stays": async (stage) => {
          for (const verbs of [["tick"], ["settings"], ["tick", "settings"]]) {
            const { job, runs } = noting(stage);
            const inner = memoryStorage();
            let isBroken = false;
            const failing = (verb: string): boolean => isBroken && verbs.includes(verb);
            const fail = (): Promise<never> => Promise.reject(new Error("disk full"));
            const storage = wrapped(inner, {
              tick: (request) => (failing("tick") ? fail() : inner.tick(request)),
              settings: () => (failing("settings") ? fail() : inner.settings()),
            });
            const engine = await stage.started({ jobs: [job], storage });
            const errors: unknown[] = [];
            engine.on("error", ({ error }) => errors.push(error));
            await engine.every("1m", job, null);
            await stage.clock.advance(MINUTE_MS);
            isBroken = true;
            await stage.clock.advance(MINUTE_MS + 10_500);
            expect(errors.length).toBeGreaterThan(0);
            expect(errors.length).toBeLessThanOrEqual(12);
            isBroken = false;
            await stage.clock.advance(3 * MINUTE_MS);
            // The third is late by what the storage was broken, the others are not.
            expect(runs).toEqual([0, MINUTE_MS, 131_000, 3 * MINUTE_MS, 4 * MINUTE_MS, 5 * MINUTE_MS]);
            await stage.stop(engine);
          }
        },
        "one schedule that fails does not hold up another": async (stage) => {
          const { job, runs } = noting(stage);
          const inner = memoryStorage();
          const storage = wrapped(inner, {
            tick: (request) => (request.name === "bad" ? Promise.reject(new Error("no")) : inner.tick(request)),
          });
          const engine = await stage.started({ jobs: [job], storage });
          engine.on("error", () => undefined);
          await engine.every(10_000, job, null, { name: "bad" });
          await engine.every(10_000, job, null, { name: "good" });
          await stage.clock.advance(20_000);
          expect(runs).toEqual([0, 10_000, 20_000]);
        },
      },
    },
    {
      number: 85,
      tag: "FIX",
      says: "ticks that were missed do not come in a burst",
      verdict: "tested",
      checks: {
        "after a suspended hour: one at once, then back on the grid": async (stage) => {
          const { job, runs } = noting(stage);
          const engine = await stage.started({ jobs: [job] });
          await engine.every("1m", job, null);
          await stage.clock.advance(90_000);
          stage.clock.jump(HOUR_MS);
          await stage.clock.advance(2 * MINUTE_MS);
          expect(runs).toEqual([0, MINUTE_MS, HOUR_MS + 2 * MINUTE_MS, HOUR_MS + 3 * MINUTE_MS]);
        },
        "after a downtime: one at once, then back on the grid": async (stage) => {
          const { job, runs } = noting(stage);
          const storage = memoryStorage();
          const first = await stage.started({ jobs: [job], storage });
          await first.every("1m", job, null);
          await stage.clock.advance(2 * MINUTE_MS + 1);
          await stage.stop(first);
          runs.length = 0;
          const start = stage.clock.now();
          await stage.clock.advance(HOUR_MS);
          const grid = (await (await stage.started({ jobs: [job], storage })).schedules())[0]?.nextAt ?? 0;
          const down = stage.clock.now() - start;
          await stage.clock.advance(3 * MINUTE_MS);
          expect(runs).toHaveLength(4);
          expect(new Set(runs.slice(1).map((at) => at % MINUTE_MS))).toEqual(new Set([0]));
          expect(grid).toBeGreaterThan(start + down);
        },
        "a tick lost to a wall clock that was set back is not made up for": async (stage) => {
          const { job, runs } = noting(stage);
          const engine = await stage.started({ jobs: [job] });
          await engine.every("1m", job, null);
          await stage.clock.advance(MINUTE_MS);
          stage.clock.jump(-10 * MINUTE_MS);
          await stage.clock.advance(11 * MINUTE_MS);
          expect(runs).toEqual([0, MINUTE_MS, 2 * MINUTE_MS]);
        },
      },
    },
    {
      number: 86,
      tag: "FIX",
      says: "a schedule can be cancelled, stops with the engine, and a period of 0 is a typed error",
      verdict: "tested",
      checks: {
        "cancelled": async (stage) => {
          const { job, runs } = noting(stage);
          const engine = await stage.started({ jobs: [job] });
          const schedule = await engine.every("1s", job, null);
          await stage.clock.advance(2_500);
          await schedule.cancel();
          await schedule.cancel();
          await stage.clock.advance(HOUR_MS);
          expect(runs).toEqual([0, 1_000, 2_000]);
          expect(await engine.schedules()).toEqual([]);
          expect(stage.clock.timers).toBeLessThanOrEqual(1);
        },
        "stopped, for this engine": async (stage) => {
          const { job, runs } = noting(stage);
          const storage = memoryStorage();
          const engine = await stage.started({ jobs: [job], storage });
          await engine.every("1s", job, null);
          await stage.clock.advance(1_500);
          await engine.stop();
          await stage.clock.advance(HOUR_MS);
          expect(runs).toEqual([0, 1_000]);
          await storage.open();
          expect((await storage.count(stage.clock.now())).totals["default"]?.enqueued).toBe(2);
        },
        "never begun by a client": async (stage) => {
          const { job, runs } = noting(stage);
          const client = stage.engine({ jobs: [job] });
          await client.every("1s", job, null);
          await stage.clock.advance(MINUTE_MS);
          expect(runs).toEqual([]);
          expect((await client.list()).jobs).toEqual([]);
        },
        "replaced by one of the same name, and not doubled by declaring it again": async (stage) => {
          const { job, runs } = noting(stage);
          const engine = await stage.started({ jobs: [job] });
          await engine.every("10s", job, null);
          await stage.clock.advance(5_000);
          await engine.every("10s", job, null);
          await stage.clock.advance(5_000);
          expect(runs).toEqual([0, 10_000]);
          await engine.every("3s", job, null);
          await stage.clock.advance(6_000);
          expect(runs).toEqual([0, 10_000, 10_000, 13_000, 16_000]);
        },
        "a period that is none": async (stage) => {
          const { job } = noting(stage);
          const engine = await stage.started({ jobs: [job] });
          for (const interval of [0, -1, NaN, Infinity, 0.5, "0s", "soon", null, undefined]) {
            await expect(engine.every(interval as number, job, null)).rejects.toBeInstanceOf(OptionsError);
          }
          expect(await engine.schedules()).toEqual([]);
        },
      },
    },
  ],
};
