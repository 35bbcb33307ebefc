import { expect } from "vitest";
import { JobError } from "../../src/errors.js";
import { linear } from "../../src/job/backoff.js";
import { defineJob } from "../../src/job/define-job.js";
import type { JobRow } from "../../src/job/job-record.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { lyingEngine } from "./lying-pool.js";
import { gate, range, rowOf } from "./stage.js";
import type { Section } from "./statement.js";
import { counted } from "./wrapped-storage.js";

const HOUR_MS = 3_600_000;

export const finishing: Section = {
  title: "C. Finishing",
  statements: [
    {
      number: 39,
      tag: "KEEP",
      says: "a requeued failure keeps all it had; only attempt, time and error change, and the claim is cleared",
      verdict: "tested",
      checks: {
        "field by field": async (stage) => {
          const storage = memoryStorage();
          const job = defineJob({
            name: "job",
            run: () => {
              throw new Error("no");
            },
          });
          const options = { priority: 3, maxRetries: 4, backoff: linear("1m"), timeout: "1h", unique: "key", meta: { tenant: "a" }, queue: "q" } as const;
          const { id } = await stage.engine({ jobs: [], storage }).enqueue(job, { deep: [1, "two"] }, options);
          const before = await rowOf(storage, id, stage.clock);
          await stage.clock.advance(500);
          await stage.started({ jobs: [job], storage, queues: { q: { threads: 1 } } });
          await stage.clock.settle();
          const { failure, ...after } = await rowOf(storage, id, stage.clock);
          const changed = { state: "retrying", attempt: 1, fence: 1, runAt: stage.clock.now() + 60_000 } as const;
          expect(after).toEqual({ ...withoutFailure(before), ...changed, runner: null, startedAt: null });
          expect(failure).toMatchObject({ reason: "threw", error: { message: "no" } });
        },
      },
    },
    {
      number: 40,
      tag: "KEEP",
      says: "failure at the limit takes the job out of its queue and reports it dead",
      verdict: "tested",
      checks: {
        "once, and never again": async (stage) => {
          let runs = 0;
          const job = defineJob({
            ...{ name: "job", maxRetries: 1, backoff: linear("1s") },
            run: () => {
              runs += 1;
              throw new Error(`run ${runs}`);
            },
          });
          const engine = await stage.started({ jobs: [job] });
          const told: string[] = [];
          engine.on("retrying", ({ id, error }) => told.push(`retrying ${id} ${error.message}`));
          engine.on("dead", ({ id, error }) => told.push(`dead ${id} ${error.message}`));
          const { id } = await engine.enqueue(job, null);
          await stage.clock.advance(24 * HOUR_MS);
          expect(told).toEqual([`retrying ${id} run 1`, `dead ${id} run 2`]);
          expect(runs).toBe(2);
          expect((await engine.stats()).queues["default"]).toMatchObject({ waiting: 0, retrying: 0, running: 0, dead: 1 });
        },
      },
    },
    {
      number: 41,
      tag: "FIX",
      says: "a dead job is kept with its last error, and can be run again",
      verdict: "tested",
      checks: {
        "its error, and a fresh start": async (stage) => {
          let isBroken = true;
          const job = defineJob({
            ...{ name: "job", maxRetries: 1, backoff: linear(1) },
            run: (_: unknown, { attempt }) => {
              if (isBroken) throw Object.assign(new TypeError(`broken in run ${attempt}`), { code: "E_BROKEN" });
              return attempt;
            },
          });
          const engine = await stage.started({ jobs: [job] });
          const handle = await engine.enqueue(job, null);
          await stage.clock.advance(1);
          const failure = await handle.result().catch((error: unknown) => error);
          expect(failure).toBeInstanceOf(JobError);
          expect(failure).toMatchObject({ jobId: handle.id, jobName: "job", runs: 2, cause: { name: "TypeError", message: "broken in run 2", code: "E_BROKEN" } });
          await stage.clock.advance(6 * 24 * HOUR_MS);
          expect((await engine.list({ state: "dead" })).jobs).toMatchObject([{ id: handle.id, attempt: 2, error: { message: "broken in run 2", code: "E_BROKEN" } }]);
          isBroken = false;
          expect(await (await engine.retry(handle.id)).result()).toBe(1);
        },
      },
    },
    {
      number: 42,
      tag: "KEEP",
      says: "a job of an unregistered name goes back as it was, and no retry is used",
      verdict: "tested",
      checks: {
        "it is not claimed, and runs when a thread knows it": async (stage) => {
          const storage = memoryStorage();
          const first = await stage.started({ jobs: [], storage });
          const { id } = await first.enqueue("unknown", 5, { maxRetries: 0 });
          const before = await rowOf(storage, id, stage.clock);
          await stage.clock.advance(HOUR_MS);
          expect(await rowOf(storage, id, stage.clock)).toEqual(before);
          await stage.stop(first);
          const second = await stage.started({ jobs: [defineJob({ name: "unknown", run: (n: number) => n + 1 })], storage });
          expect(await second.job(id).result()).toBe(6);
        },
        "a thread that turns out not to know it gives it back": async (stage) => {
          const storage = memoryStorage();
          const engine = lyingEngine({ ...{ storage, clock: stage.clock }, jobs: [], claimsToKnow: ["ghost"] });
          await engine.start();
          const told: string[] = [];
          for (const event of ["retrying", "dead", "completed", "cancelled"] as const) engine.on(event, () => told.push(event));
          const { id } = await engine.enqueue("ghost", null, { maxRetries: 0, runAt: stage.clock.now() - 7 });
          const claimed = { fence: 1, state: "waiting", attempt: 0, runAt: stage.clock.now() - 7, failure: null, runner: null, startedAt: null };
          await stage.clock.advance(HOUR_MS);
          expect(await rowOf(storage, id, stage.clock)).toMatchObject(claimed);
          expect(told).toEqual([]);
          await stage.stop(engine);
        },
      },
    },
    {
      number: 43,
      tag: "FIX",
      says: "unregistered jobs do not spin and do not hold up the queue",
      verdict: "tested",
      checks: {
        "ten of them in front, and nothing calls storage for an hour": async (stage) => {
          const { storage, calls } = counted(memoryStorage());
          const known = defineJob({ name: "known", run: (n: number) => n });
          const engine = lyingEngine({ ...{ storage, clock: stage.clock }, jobs: [known], claimsToKnow: ["ghost"] });
          await engine.start();
          const ghosts = await engine.enqueueMany("ghost", range(10), { priority: -1 });
          await engine.enqueueMany("other ghost", range(10), { priority: -1 });
          expect(await Promise.all(range(5).map((n) => engine.run(known, n)))).toEqual(range(5));
          // What has finished is looked after within a second.
          await stage.clock.advance(2_000);
          const before = calls();
          await stage.clock.advance(HOUR_MS / 2);
          expect(calls()).toBe(before);
          const infos = await Promise.all(ghosts.map((one) => one.info()));
          expect(infos.map((info) => [info?.state, info?.attempt])).toEqual(range(10).map(() => ["waiting", 0]));
          await stage.stop(engine);
        },
      },
    },
    {
      number: 44,
      tag: "KEEP",
      says: "a job that was handed out and not started goes back as it was",
      verdict: "tested",
      checks: {
        "those behind another on one thread, when the engine stops": async (stage) => {
          const storage = memoryStorage();
          const held = gate();
          const ran: number[] = [];
          const job = defineJob({
            name: "job",
            run: (n: number): Promise<void> | void => {
              ran.push(n);
              return n === 0 ? held.wait() : undefined;
            },
          });
          const engine = await stage.started({ jobs: [job], storage });
          // Now it is known to be short, and several travel together.
          await Promise.all(range(200).map(() => engine.run(job, -1)));
          const sent: string[] = [];
          engine.on("started", ({ id }) => sent.push(id));
          const now = stage.clock.now();
          const handles = await engine.enqueueMany(job, range(10), { maxRetries: 0 });
          await stage.clock.settle();
          expect(sent).toHaveLength(10);
          const stopped = engine.stop();
          await stage.clock.settle();
          held.open();
          expect(await stopped).toEqual({ completed: 1, returned: 9 });
          expect(ran.slice(200)).toEqual([0]);
          await storage.open();
          for (const { id } of handles.slice(1)) {
            expect(await rowOf(storage, id, stage.clock)).toMatchObject({ state: "waiting", attempt: 0, runAt: now, runner: null, failure: null });
          }
          const next = await stage.started({ jobs: [job], storage });
          await Promise.all(handles.slice(1).map(({ id }) => next.job(id).result()));
          expect(ran.slice(200)).toEqual(range(10));
        },
      },
    },
  ],
};

function withoutFailure({ failure: _failure, ...row }: JobRow): Omit<JobRow, "failure"> {
  return row;
}
