import { expect } from "vitest";
import { linear } from "../../src/job/backoff.js";
import { defineJob } from "../../src/job/define-job.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { ending, newJob } from "../../src/testing/storage-suite/sample-jobs.js";
import { gate, rowOf } from "./stage.js";
import type { Section } from "./statement.js";
import { wrapped } from "./wrapped-storage.js";

const HOUR_MS = 3_600_000;

export const settling: Section = {
  title: "C. Settling",
  statements: [
    {
      number: 45,
      tag: "KEEP",
      says: "ending an unknown job, or one that has ended, is harmless",
      verdict: "tested",
      checks: {
        "nothing changes, and nobody throws": async (stage) => {
          const storage = memoryStorage();
          const job = defineJob({ name: "job", run: () => "done" });
          const engine = await stage.started({ jobs: [job], storage });
          const handle = await engine.enqueue(job, null);
          await handle.result();
          const row = await rowOf(storage, handle.id, stage.clock);
          const claimed = { ...row, state: "running", runner: "me", startedAt: stage.clock.now() } as const;
          const transitions = [ending(claimed, { to: "dead" }), ending({ ...claimed, id: "nobody" }), ending(claimed, { to: "retrying" })];
          expect(await storage.complete(transitions)).toEqual([false, false, false]);
          expect(await rowOf(storage, handle.id, stage.clock)).toEqual(row);
          expect(await engine.cancel(handle.id)).toBe("finished");
          expect(await storage.get(["nobody"], stage.clock.now())).toEqual([undefined]);
        },
      },
    },
    {
      number: 46,
      tag: "KEEP",
      says: "a retry can run on any thread of its queue",
      verdict: "tested",
      checks: {
        "on the second one while the first is busy": async (stage) => {
          const held = gate();
          const slots: unknown[] = [];
          const job = defineJob({
            ...{ name: "job", maxRetries: 1, backoff: linear("1s") },
            run: (_: unknown, { attempt, state }) => {
              slots.push(state);
              if (attempt === 1) throw new Error("elsewhere, please");
            },
          });
          const blocks = defineJob({ name: "blocks", run: (_: unknown, { state }) => held.wait().then(() => state) });
          const engine = await stage.started({ jobs: [job, blocks], queues: { default: { threads: 2 } }, state: ({ slot }) => slot });
          const handle = await engine.enqueue(job, null);
          await stage.clock.settle();
          const blocking = await engine.enqueue(blocks, null);
          await stage.clock.advance(1_000);
          await handle.result();
          held.open();
          expect(await blocking.result()).toBe(slots[0]);
          expect(slots).toEqual([0, 1]);
        },
      },
    },
    {
      number: 47,
      tag: "DECIDE",
      says: "a payload that cannot be read or does not fit its schema in the thread is a failure that uses a retry",
      decision: "payload-that-does-not-fit-is-dead-at-once",
      verdict: "overridden",
      by: {
        page: "product",
        sentence: "a stored payload that fails in the thread (damaged, or the schema changed) sends the job to dead at once, since a retry cannot help",
      },
      checks: {
        "dead after one run, whatever its retries, and never unregistered": async (stage) => {
          const storage = memoryStorage();
          let runs = 0;
          const job = defineJob({
            ...{ name: "job", maxRetries: Infinity },
            payload: { "~standard": { version: 1 as const, vendor: "test", validate: (value: unknown) => (value === "good" ? { value } : { issues: [{ message: "not good" }] }) } },
            run: () => (runs += 1),
          });
          const client = stage.engine({ jobs: [], storage });
          // Enqueued by name, as by an older version without the schema.
          const changed = await client.enqueue("job", "old", { maxRetries: Infinity });
          const damaged = newJob({ name: "job", payload: new Uint8Array([1, 0xc1, 0xff]), maxRetries: 5, runAt: stage.clock.now() });
          const unknownFormat = newJob({ name: "job", payload: new Uint8Array([200, 1]), maxRetries: 5, runAt: stage.clock.now() });
          await storage.enqueue([damaged, unknownFormat], stage.clock.now());
          const engine = await stage.started({ jobs: [job], storage });
          await stage.clock.advance(HOUR_MS);
          expect(await changed.info()).toMatchObject({ state: "dead", attempt: 1, error: { code: "MILLRACE_VALIDATION" } });
          for (const { id } of [damaged, unknownFormat]) {
            expect(await engine.info(id)).toMatchObject({ state: "dead", attempt: 1, error: { code: "MILLRACE_PAYLOAD" } });
          }
          expect(runs).toBe(0);
          expect(await engine.run(job, "good")).toBe(1);
        },
      },
    },
    {
      number: 48,
      tag: "KEEP",
      says: "ending a run and requeuing the job is one step: at no moment is it in neither place",
      verdict: "tested",
      checks: {
        "looked at in every microtask from the first run to the end": async (stage) => {
          const inner = memoryStorage();
          const job = defineJob({
            ...{ name: "job", maxRetries: 2, backoff: linear(0) },
            run: () => {
              throw new Error("again");
            },
          });
          const states: (readonly string[])[] = [];
          const storage = wrapped(inner, {
            complete: async (transitions) => {
              const completing = inner.complete(transitions);
              for (let turn = 0; turn < 20; turn += 1) {
                const { jobs } = await inner.count(stage.clock.now());
                states.push(jobs.map(({ state, count }) => `${count} ${state}`));
              }
              return completing;
            },
          });
          const engine = await stage.started({ jobs: [job], storage });
          await expect(engine.run(job, null)).rejects.toThrow("again");
          expect(states).toHaveLength(3 * 20);
          // Due at once, it may run again before the writer has its answer.
          expect(states.filter((seen) => !["1 retrying", "1 running", "1 dead"].includes(seen.join()))).toEqual([]);
        },
      },
    },
  ],
};
