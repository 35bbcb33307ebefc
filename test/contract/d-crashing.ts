import { JobError, ThreadExitedError } from "millrace";
import { linear } from "millrace/jobs";
import { expect } from "vitest";
import { nextEvent, range } from "./stage.js";
import type { Section } from "./statement.js";

const ONCE = { maxRetries: 0 };
const AT_ONCE = { maxRetries: 1, backoff: linear(0) };

/** By kind: what `info().error.message` says of it. */
const ODD_THROWS = {
  undefined: /undefined/,
  null: /null/,
  string: /just words/,
  symbol: /thrown/,
  "null prototype": /./,
  "not cloneable": /^not cloneable$/,
  "getter that throws": /^/,
  frozen: /^frozen$/,
  proxy: /./,
  huge: /^x{100}/,
  "not serialisable result": /result cannot be serialised/,
} as const;

export const crashing: Section = {
  title: "D. Errors and crashes",
  statements: [
    {
      number: 49,
      tag: "KEEP",
      says: "a throw, a rejection and a throw after an await are failures alike",
      verdict: "tested",
      checks: {
        "each is one run, retried once, then dead with its own message": async (stage) => {
          const engine = await stage.threads();
          const retries: string[] = [];
          engine.on("retrying", ({ id, attempt, error }) => retries.push(`${id} ${attempt} ${error.message}`));
          for (const kind of ["sync throw", "rejection", "throw after await"]) {
            const handle = await engine.enqueue("throws", kind, AT_ONCE);
            const failure = await handle.result().catch((error: unknown) => error);
            const message = kind === "sync throw" ? "sync" : kind;
            expect(failure).toBeInstanceOf(JobError);
            expect(failure).toMatchObject({ runs: 2, code: "MILLRACE_JOB_FAILED", cause: { message } });
            expect(await handle.info()).toMatchObject({ state: "dead", attempt: 2, error: { name: "Error", message } });
            expect(retries.splice(0)).toEqual([`${handle.id} 1 ${message}`]);
          }
        },
      },
    },
    {
      number: 50,
      tag: "KEEP",
      says: "a job that throws does not end its thread: the same one takes the next job",
      verdict: "tested",
      checks: {
        "after every kind of throw": async (stage) => {
          const engine = await stage.threads();
          const exits: unknown[] = [];
          engine.on("thread:exited", (event) => exits.push(event));
          const before = (await engine.run("about the state", false)) as { readonly runsOn: number; readonly runs: number };
          for (const kind of ["sync throw", "rejection", "throw after await", ...Object.keys(ODD_THROWS)]) {
            await expect(engine.run("throws", kind, ONCE)).rejects.toBeInstanceOf(JobError);
          }
          await expect(engine.run("about the state", true, ONCE)).rejects.toThrow("asked to");
          expect(await engine.run("about the state", false)).toMatchObject({ runsOn: before.runsOn, made: 1, runs: before.runs + 2 });
          expect(exits).toEqual([]);
        },
      },
    },
    {
      number: 51,
      tag: "KEEP",
      says: "32 jobs that always fail do not hold up four that do not",
      verdict: "tested",
      checks: {
        "all four complete, all 32 are dead": async (stage) => {
          const engine = await stage.threads();
          const failing = await engine.enqueueMany("throws", range(32).map((index) => (index % 2 === 0 ? "sync throw" : "throw after await")), ONCE);
          const normal = await engine.enqueueMany("echo", range(4));
          expect(await Promise.all(normal.map((one) => one.result()))).toEqual(range(4));
          const outcomes = await Promise.allSettled(failing.map((one) => one.result()));
          expect(outcomes.map(({ status }) => status)).toEqual(range(32).map(() => "rejected"));
          expect((await engine.stats()).queues["default"]).toMatchObject({ completed: 4, dead: 32, waiting: 0, running: 0 });
        },
      },
    },
    {
      number: 52,
      tag: "KEEP",
      says: "whatever is thrown, error or not, is a failure and is reported",
      verdict: "tested",
      checks: {
        "undefined, null, strings, symbols, objects without prototype, what cannot be cloned or read": async (stage) => {
          const engine = await stage.threads();
          for (const [kind, message] of Object.entries(ODD_THROWS)) {
            const handle = await engine.enqueue("throws", kind, ONCE);
            const failure = await handle.result().catch((error: unknown) => error);
            expect(failure, kind).toBeInstanceOf(JobError);
            expect((failure as JobError).cause, kind).toBeInstanceOf(Error);
            const info = await handle.info();
            expect(info, kind).toMatchObject({ state: "dead", attempt: 1 });
            expect(info?.error?.message, kind).toMatch(message);
            expect(info?.error?.message.length, kind).toBeLessThan(10_000);
          }
        },
      },
    },
    {
      number: 53,
      tag: "KEEP",
      says: "a job that ends its thread: the thread is replaced, and the queue goes on",
      verdict: "tested",
      checks: {
        // Threads that run out of memory are a case of their own.
        "process.exit with codes 0, 1 and 7": async (stage) => {
          const engine = await stage.threads();
          for (const code of [0, 1, 7]) {
            const exited = nextEvent<{ readonly queue: string; readonly thread: number; readonly exitCode: number | null }>((on) => engine.on("thread:exited", on));
            const started = nextEvent<{ readonly thread: number }>((on) => engine.on("thread:started", on));
            const failure = await engine.run("exits", { times: 1, code }, ONCE).catch((error: unknown) => error);
            expect(failure).toBeInstanceOf(ThreadExitedError);
            expect(failure).toMatchObject({ exitCode: code });
            expect(await exited).toMatchObject({ queue: "default", thread: 0, exitCode: code });
            expect(await started).toMatchObject({ thread: 0 });
            expect(await engine.run("echo", code)).toBe(code);
          }
          expect((await engine.stats()).queues["default"]).toMatchObject({ threads: 1, healthy: true, running: 0 });
        },
      },
    },
    {
      number: 54,
      tag: "FIX",
      says: "the job of a thread that ended is noticed at once, not after a wait for its sign of life",
      verdict: "tested",
      checks: {
        "it has run again long before anyone would have missed a sign of life": async (stage) => {
          const engine = await stage.threads();
          const begin = performance.now();
          expect(await engine.run("exits", { times: 1, code: 1 }, { backoff: linear(0) })).toMatchObject({ attempt: 2 });
          expect(performance.now() - begin).toBeLessThan(10_000);
        },
      },
    },
    {
      number: 55,
      tag: "DECIDE",
      says: "whether a crash uses a retry",
      decision: "a-crash-uses-a-retry",
      verdict: "tested",
      checks: {
        "it does: a poison job is dead after its retries": async (stage) => {
          const engine = await stage.threads();
          const deaths: unknown[] = [];
          engine.on("thread:exited", (event) => deaths.push(event));
          const failure = await engine.run("exits", { times: 99, code: 3 }, AT_ONCE).catch((error: unknown) => error);
          expect(failure).toBeInstanceOf(ThreadExitedError);
          expect(failure).toMatchObject({ runs: 2, exitCode: 3, code: "MILLRACE_THREAD_EXITED" });
          expect(deaths).toHaveLength(2);
        },
        "only that of the job that ran; those behind it on the thread run again for nothing": async (stage) => {
          const engine = await stage.threads();
          // Known to be short, so that ten of them travel together.
          await Promise.all(range(300).map(() => engine.run("exits", { times: 0, code: 0 })));
          const rescued: string[] = [];
          engine.on("rescued", ({ id, attempt }) => rescued.push(`${id} ${attempt}`));
          const payloads = range(10).map((index) => ({ times: index === 0 ? 1 : 0, code: 1 }));
          const handles = await engine.enqueueMany("exits", payloads, AT_ONCE);
          const results = (await Promise.all(handles.map((one) => one.result()))) as readonly { readonly attempt: number }[];
          expect(results.map(({ attempt }) => attempt)).toEqual([2, ...range(9).map(() => 1)]);
          // Whoever was taken back before the death was noticed needs no rescue.
          expect(rescued.every((one) => one.endsWith(" 0"))).toBe(true);
          expect(rescued.join()).not.toContain(handles[0]!.id);
        },
      },
    },
  ],
};
