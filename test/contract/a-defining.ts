import type { StandardSchemaV1 } from "@standard-schema/spec";
import { expect } from "vitest";
import { linear } from "../../src/job/backoff.js";
import { defineJob } from "../../src/job/define-job.js";
import { PayloadError, StorageError } from "../../src/errors.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { gate, rowOf } from "./stage.js";
import type { Section } from "./statement.js";
import { wrapped } from "./wrapped-storage.js";

const HOUR_MS = 3_600_000;
/** Takes its time, and changes nothing. */
const slowSchema: StandardSchemaV1<{ size: number }> = {
  "~standard": { version: 1, vendor: "test", validate: async (value) => ({ value: value as { size: number } }) },
};

export const defining: Section = {
  title: "A. Defining",
  statements: [
    {
      number: 1,
      tag: "KEEP",
      says: "a job of a name and a run function has all defaults",
      verdict: "tested",
      checks: {
        "queue default, 5 retries, exponential base 2 up to an hour with a jitter of 0.1, no deadline": async (stage) => {
          const storage = memoryStorage();
          const engine = stage.engine({ jobs: [], storage });
          const { id } = await engine.enqueue(defineJob({ name: "plain", run: () => null }), null);
          expect(await rowOf(storage, id, stage.clock)).toMatchObject({
            ...{ queue: "default", maxRetries: 5, priority: 0, timeoutMs: null },
            backoff: { kind: "exponential", base: 2, maxDelayMs: HOUR_MS, jitter: 0.1 },
          });
        },
        "6 runs, about 2, 4, 8, 16 and 32 s apart": async (stage) => {
          const runs: number[] = [];
          const fails = defineJob({
            name: "fails",
            run: () => {
              runs.push(stage.clock.now());
              throw new Error("always");
            },
          });
          const engine = await stage.started({ jobs: [fails] });
          const job = await engine.enqueue(fails, null);
          await stage.clock.advance(HOUR_MS / 2);
          expect((await job.info())?.state).toBe("dead");
          const waits = runs.slice(1).map((at, index) => (at - (runs[index] ?? 0)) / 2 ** (index + 1));
          expect(waits).toHaveLength(5);
          for (const wait of waits) expect(Math.abs(wait - 1_000)).toBeLessThanOrEqual(100);
        },
      },
    },
    {
      number: 2,
      tag: "KEEP",
      says: "options of one job win over its definition",
      verdict: "tested",
      checks: {
        "queue, retries, backoff and deadline": async (stage) => {
          const runs: (readonly [string, number])[] = [];
          const job = defineJob({
            ...{ name: "job", queue: "slow", maxRetries: 9, backoff: linear("1h"), timeout: "1h" },
            run: (end: "fail" | "hang", { queue }): Promise<never> => {
              runs.push([queue, stage.clock.now()]);
              return end === "fail" ? Promise.reject(new Error("once more")) : new Promise(() => undefined);
            },
          });
          const start = stage.clock.now();
          const engine = await stage.started({ jobs: [job], queues: { fast: { threads: 1 }, slow: { threads: 1 } }, grace: "1s" });
          const failing = await engine.enqueue(job, "fail", { queue: "fast", maxRetries: 1, backoff: linear(7) });
          await stage.clock.advance(7);
          expect(runs).toEqual([
            ["fast", start],
            ["fast", start + 7],
          ]);
          expect(await failing.info()).toMatchObject({ state: "dead", queue: "fast", maxRetries: 1 });
          const hanging = await engine.enqueue(job, "hang", { timeout: 50, maxRetries: 0 });
          await stage.clock.advance(1_050);
          await expect(hanging.result()).rejects.toMatchObject({ code: "MILLRACE_JOB_TIMEOUT" });
          const plain = await engine.enqueue(job, "fail");
          await stage.clock.settle();
          expect(await plain.info()).toMatchObject({ state: "retrying", queue: "slow", maxRetries: 9, runAt: stage.clock.now() + HOUR_MS });
        },
      },
    },
    {
      number: 3,
      tag: "KEEP",
      says: "settings are stored with the job, so a later definition changes nothing of it",
      verdict: "tested",
      checks: {
        "queue, retries and backoff of the old definition": async (stage) => {
          const storage = memoryStorage();
          const before = defineJob({ name: "job", queue: "old", maxRetries: 1, backoff: linear("1s"), run: () => null });
          const { id } = await stage.engine({ jobs: [before], storage }).enqueue(before, null);
          const runs: (readonly [string, number])[] = [];
          const after = defineJob({
            ...{ name: "job", queue: "new", maxRetries: 9, backoff: linear("50s") },
            run: (_: unknown, { queue }) => {
              runs.push([queue, stage.clock.now()]);
              throw new Error("always");
            },
          });
          const start = stage.clock.now();
          const engine = await stage.started({ jobs: [after], storage });
          await stage.clock.advance(HOUR_MS);
          expect(runs).toEqual([
            ["old", start],
            ["old", start + 1_000],
          ]);
          expect((await engine.info(id))?.state).toBe("dead");
        },
      },
    },
    {
      number: 4,
      tag: "KEEP",
      says: "the payload is serialised at enqueue, so changing the object afterwards has no effect",
      verdict: "tested",
      checks: {
        "changed in the same turn": async (stage) => {
          const job = defineJob({ name: "job", run: ({ size }: { size: number }) => size });
          const engine = await stage.started({ jobs: [job] });
          const payload = { size: 1 };
          const enqueuing = engine.enqueue(job, payload);
          payload.size = 2;
          const first = await enqueuing;
          payload.size = 3;
          expect(await first.result()).toBe(1);
        },
        "changed while an async schema looks at it": async (stage) => {
          const job = defineJob({ name: "job", payload: slowSchema, run: ({ size }) => size });
          const engine = await stage.started({ jobs: [job] });
          const payload = { size: 1 };
          const running = engine.run(job, payload);
          payload.size = 2;
          expect(await running).toBe(1);
        },
        "changed by a job that enqueues another": async (stage) => {
          const inner = defineJob({ name: "inner", run: ({ size }: { size: number }) => size });
          const outer = defineJob({
            name: "outer",
            run: async (_: unknown, ctx) => {
              const payload = { size: 1 };
              const enqueuing = ctx.enqueue(inner, payload);
              payload.size = 2;
              return (await enqueuing).id;
            },
          });
          const engine = await stage.started({ jobs: [inner, outer] });
          const id = await engine.run(outer, null);
          expect(await engine.job(id, inner).result()).toBe(1);
        },
        "given to a schedule": async (stage) => {
          const job = defineJob({ name: "job", run: ({ size }: { size: number }) => seen.push(size) });
          const seen: number[] = [];
          const engine = await stage.started({ jobs: [job] });
          const payload = { size: 1 };
          const scheduling = engine.every("1h", job, payload);
          payload.size = 2;
          await scheduling;
          payload.size = 3;
          await stage.clock.advance(HOUR_MS);
          expect(seen).toEqual([1, 1]);
        },
        "changed by the run itself, before a retry": async (stage) => {
          const seen: number[] = [];
          const job = defineJob({
            ...{ name: "job", maxRetries: 1, backoff: linear(0) },
            run: (payload: { size: number }) => {
              seen.push(payload.size);
              payload.size += 1;
              throw new Error("again");
            },
          });
          const engine = await stage.started({ jobs: [job] });
          await expect(engine.run(job, { size: 1 })).rejects.toThrow("again");
          expect(seen).toEqual([1, 1]);
        },
      },
    },
    {
      number: 5,
      tag: "KEEP",
      says: "a payload that cannot be serialised makes enqueue reject and leaves storage unchanged",
      verdict: "tested",
      checks: {
        "functions, symbols, class instances, cycles, getters that throw": async (stage) => {
          const engine = await stage.started({ jobs: [] });
          const cycle: Record<string, unknown> = {};
          cycle["self"] = cycle;
          const getter = Object.defineProperty({}, "boom", { enumerable: true, get: () => { throw new Error("boom"); } });
          class Own {
            readonly field = 1;
          }
          const bad = [() => 1, Symbol("s"), new Own(), cycle, getter, { deep: [{ call: () => 1 }] }, new URL("http://a"), Promise.resolve()];
          for (const payload of bad) await expect(engine.enqueue("any", payload)).rejects.toBeInstanceOf(PayloadError);
          await expect(engine.enqueueMany("any", [1, 2, () => 3])).rejects.toBeInstanceOf(PayloadError);
          expect((await engine.list()).jobs).toEqual([]);
          expect((await engine.stats()).queues["default"]?.totals.enqueued).toBe(0);
        },
      },
    },
    {
      number: 6,
      tag: "KEEP",
      says: "enqueue resolves only after storage has accepted the job; errors of storage come to the caller",
      verdict: "tested",
      checks: {
        "at once and with a delay": async (stage) => {
          const accepted = gate();
          const inner = memoryStorage();
          const storage = wrapped(inner, { enqueue: (jobs, now, limits) => accepted.wait().then(() => inner.enqueue(jobs, now, limits)) });
          const engine = stage.engine({ jobs: [], storage });
          const resolved: string[] = [];
          const all = Promise.all([
            engine.enqueue("now", null).then(() => resolved.push("now")),
            engine.enqueue("later", null, { delay: "1h" }).then(() => resolved.push("later")),
            engine.enqueueMany("many", [1, 2]).then(() => resolved.push("many")),
          ]);
          await stage.clock.settle();
          expect(resolved).toEqual([]);
          accepted.open();
          await all;
          expect(resolved.toSorted()).toEqual(["later", "many", "now"]);
        },
        "a failure, with its cause": async (stage) => {
          const cause = new Error("disk full");
          const storage = wrapped(memoryStorage(), { enqueue: () => Promise.reject(cause) });
          const engine = stage.engine({ jobs: [], storage });
          const failure = await engine.enqueue("job", null).catch((error: unknown) => error);
          expect(failure).toBeInstanceOf(StorageError);
          expect(failure).toMatchObject({ cause, code: "MILLRACE_STORAGE" });
          await expect(engine.enqueueMany("job", [1])).rejects.toBeInstanceOf(StorageError);
        },
      },
    },
  ],
};
