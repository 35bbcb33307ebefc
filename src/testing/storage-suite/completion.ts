import assert from "node:assert/strict";
import type { Failure } from "../../job/job-record.js";
import { assertRow, claim, claimOne, end, ending, enqueue, enqueueOne, failure, finished, givingBack, idsOf, newJob, NOW, rowOf, running } from "./sample-jobs.js";
import type { Section } from "./section.js";

export const completion: Section = {
  title: "complete",
  cases: [
    {
      title: "keeps the result and the progress of a completed job, and what it was",
      run: async (storage) => {
        const job = newJob({ payload: new Uint8Array([7]), meta: { tenant: "one" } });
        await storage.enqueue([job], NOW);
        await end(storage, await claimOne(storage, { now: NOW + 1 }), { result: new Uint8Array([0, 255]), progress: 0.75, at: NOW + 2 });
        assertRow(await rowOf(storage, job.id), {
          ...job,
          ...{ state: "completed", result: new Uint8Array([0, 255]), resultMoved: false, progress: 0.75 },
          ...{ attempt: 1, fence: 1, runner: null, startedAt: NOW + 1, finishedAt: NOW + 2, failure: null },
        });
        assert.deepEqual(await claim(storage, { now: NOW + 1e9 }), []);
      },
    },
    {
      title: "keeps an empty result apart from none, and remembers that one was moved",
      run: async (storage) => {
        const empty = await finished(storage, { end: { result: new Uint8Array(0) } });
        const none = await finished(storage, { end: { result: null } });
        const moved = await finished(storage, { end: { result: null, resultMoved: true } });
        assertRow(await rowOf(storage, empty), { result: new Uint8Array(0), resultMoved: false });
        assertRow(await rowOf(storage, none), { result: null, resultMoved: false });
        assertRow(await rowOf(storage, moved), { result: null, resultMoved: true });
      },
    },
    {
      title: "puts a failed run back with all it had; only its attempt, time and failure change [8, 39]",
      run: async (storage) => {
        const job = newJob({ payload: new Uint8Array([5]), priority: 3, maxRetries: 2, meta: { trace: "1" } });
        await storage.enqueue([job], NOW);
        await end(storage, await claimOne(storage), { to: "retrying", runAt: NOW + 50.5, failure: failure("once"), progress: 0.5 });
        assertRow(await rowOf(storage, job.id), {
          ...job,
          ...{ state: "retrying", runAt: NOW + 50.5, attempt: 1, fence: 1, failure: failure("once"), progress: 0.5 },
          ...{ runner: null, startedAt: null, finishedAt: null, result: null },
        });
        assert.deepEqual(await claim(storage, { now: NOW + 50 }), []);
        assertRow(await claimOne(storage, { now: NOW + 50.5 }), { id: job.id, attempt: 2, fence: 2, failure: failure("once") });
      },
    },
    {
      title: "lets any runner take the next run of a job [46]",
      run: async (storage) => {
        await end(storage, await running(storage), { to: "retrying", runAt: NOW });
        assert.equal((await claimOne(storage, { runner: "another" })).runner, "another");
      },
    },
    {
      title: "does not lose a job whose retry is as late as can be [38]",
      run: async (storage) => {
        const job = await running(storage);
        await end(storage, job, { to: "retrying", runAt: 8.64e15 });
        assertRow(await rowOf(storage, job.id), { state: "retrying", runAt: 8.64e15 });
        assert.equal((await claimOne(storage, { now: 8.64e15 })).id, job.id);
      },
    },
    {
      title: "keeps a dead job with its last failure, and hands it out no more [40, 41]",
      run: async (storage) => {
        const last: Failure = {
          reason: "exit",
          exitCode: 134,
          error: {
            ...{ name: "TypeError", message: "naïve \u{1f40e}\nline", stack: null, code: "E_CODE" },
            cause: { name: "Error", message: "", stack: "at x", code: 7 },
            errors: [{ name: "RangeError", message: "one of many", stack: null, code: null }],
            props: { status: 500, tags: ["a"], nested: { deep: true } },
          },
        };
        const job = await running(storage);
        await end(storage, job, { to: "dead", failure: last, at: NOW + 9 });
        assertRow(await rowOf(storage, job.id), { state: "dead", failure: last, finishedAt: NOW + 9, attempt: 1, runner: null });
        assert.deepEqual(await claim(storage, { now: NOW + 1e9 }), []);
      },
    },
    {
      title: "keeps a cancelled job",
      run: async (storage) => {
        const job = await running(storage);
        await end(storage, job, { to: "cancelled", at: NOW + 4 });
        assertRow(await rowOf(storage, job.id), { state: "cancelled", finishedAt: NOW + 4, runner: null });
      },
    },
    {
      title: "takes a job back that did not run as if it had never been claimed, in its old place [42, 44]",
      run: async (storage) => {
        const ids = await enqueue(storage, { runAt: NOW - 2 }, { runAt: NOW - 1 }, { runAt: NOW });
        const [first, second] = await claim(storage, { limit: 2 });
        assert.ok(first !== undefined && second !== undefined);
        assert.deepEqual(await storage.complete([givingBack(second), givingBack(first)]), [true, true]);
        assertRow(await rowOf(storage, first.id), { state: "waiting", attempt: 0, runAt: NOW - 2, runner: null, startedAt: null });
        assert.deepEqual(idsOf(await claim(storage)), ids);
      },
    },
    {
      title: "takes a snoozed job back for later",
      run: async (storage) => {
        const job = await running(storage);
        await end(storage, job, { to: "scheduled", attempt: 0, runAt: NOW + 10 });
        assertRow(await rowOf(storage, job.id), { state: "scheduled", attempt: 0, runAt: NOW + 10, runner: null });
        assertRow(await rowOf(storage, job.id, NOW + 10), { state: "waiting" });
        assert.deepEqual(await claim(storage, { now: NOW + 9 }), []);
        assert.equal((await claimOne(storage, { now: NOW + 10 })).attempt, 1);
      },
    },
    {
      title: "ignores who speaks of a job that is unknown, finished, waiting or scheduled [45]",
      run: async (storage) => {
        const job = await running(storage);
        await end(storage, job, { result: new Uint8Array([1]) });
        const unknown = { ...ending(job), id: "nobody" };
        assert.deepEqual(await storage.complete([ending(job, { to: "dead" }), unknown]), [false, false]);
        assertRow(await rowOf(storage, job.id), { state: "completed", result: new Uint8Array([1]) });
        assert.deepEqual(await storage.get(["nobody"], NOW), [undefined]);
        for (const runAt of [NOW, NOW + 5]) {
          const id = await enqueueOne(storage, { runAt });
          assert.deepEqual(await storage.complete([{ ...ending(job), id, fence: 0 }]), [false]);
          assert.equal((await rowOf(storage, id)).finishedAt, null);
        }
      },
    },
    {
      title: "ignores a late finisher, once the job was given back and once it runs again [65, 68]",
      run: async (storage) => {
        const late = await running(storage);
        assert.deepEqual(await storage.complete([givingBack(late)]), [true]);
        assert.deepEqual(await storage.complete([ending(late)]), [false]);
        const current = await claimOne(storage, { runner: "another" });
        for (const to of ["completed", "dead", "cancelled", "waiting", "retrying", "scheduled"] as const) {
          assert.deepEqual(await storage.complete([ending(late, { to, attempt: 0 })]), [false], to);
        }
        assertRow(await rowOf(storage, late.id), { state: "running", runner: "another", fence: 2, attempt: 1 });
        await end(storage, current, { result: new Uint8Array([2]) });
        assertRow(await rowOf(storage, late.id), { state: "completed", result: new Uint8Array([2]) });
      },
    },
    {
      title: "ignores a fence from the future [65]",
      run: async (storage) => {
        const job = await running(storage);
        assert.deepEqual(await storage.complete([ending(job, { fence: job.fence + 1 })]), [false]);
        assert.equal((await rowOf(storage, job.id)).state, "running");
      },
    },
    {
      title: "applies each transition of a batch or not, by itself, and the first of two",
      run: async (storage) => {
        await enqueue(storage, {}, {}, {});
        const [first, second, third] = await claim(storage);
        assert.ok(first !== undefined && second !== undefined && third !== undefined);
        const batch = [ending(second), ending(first, { fence: 7 }), ending(second, { to: "dead" }), ending(third, { to: "dead" })];
        assert.deepEqual(await storage.complete(batch), [true, false, false, true]);
        const states = (await storage.get(idsOf([first, second, third]), NOW)).map((row) => row?.state);
        assert.deepEqual(states, ["running", "completed", "dead"]);
        assert.deepEqual(await storage.complete([]), []);
      },
    },
    {
      title: "never shows a job in no place, or in two [48]",
      run: async (storage) => {
        const job = await running(storage);
        const [, row, { jobs }, counts] = await Promise.all([
          storage.complete([ending(job, { to: "retrying", runAt: NOW })]),
          rowOf(storage, job.id),
          storage.list({ limit: 10, now: NOW }),
          storage.count(NOW),
        ]);
        assert.ok(row.state === "running" || row.state === "retrying");
        assert.deepEqual(idsOf(jobs), [job.id]);
        assert.deepEqual(counts.jobs.map(({ count }) => count), [1]);
      },
    },
  ],
};
