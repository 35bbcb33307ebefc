import assert from "node:assert/strict";
import type { JobId } from "../../job/job-record.js";
import type { ChangeResult, Storage } from "../../storage/storage.js";
import { allIds, assertRow, claim, claimOne, end, ending, enqueue, enqueueOne, failure, finished, givingBack, idsOf, NOW, rowOf, running } from "./sample-jobs.js";
import type { Section } from "./section.js";

async function retry(storage: Storage, id: JobId, now: number = NOW): Promise<ChangeResult> {
  return storage.change({ action: "retry", id, now });
}

async function remove(storage: Storage, id: JobId): Promise<ChangeResult> {
  return storage.change({ action: "remove", id, now: NOW });
}

export const control: Section = {
  title: "cancel, retry and remove",
  cases: [
    {
      title: "cancel ends at once what does not run",
      run: async (storage) => {
        const retrying = await running(storage);
        await end(storage, retrying, { to: "retrying", runAt: NOW + 5, failure: failure("once") });
        const [waiting, scheduled] = await enqueue(storage, {}, { runAt: NOW + 5 });
        const ids = [waiting ?? "", scheduled ?? "", retrying.id];
        assert.deepEqual(await storage.cancel(ids, NOW + 1), ["cancelled", "cancelled", "cancelled"]);
        for (const id of ids) assertRow(await rowOf(storage, id), { state: "cancelled", finishedAt: NOW + 1, runner: null });
        assert.deepEqual(await claim(storage, { now: NOW + 1e9 }), []);
        assert.equal(await storage.nextDueIn(NOW), null);
        assertRow(await rowOf(storage, retrying.id), { attempt: 1, failure: failure("once") });
      },
    },
    {
      title: "cancel asks a running job to stop, and leaves it to its runner",
      run: async (storage) => {
        const job = await running(storage);
        assert.deepEqual(await storage.cancel([job.id], NOW), ["cancelling"]);
        assert.deepEqual(await storage.cancel([job.id], NOW), ["cancelling"]);
        assertRow(await rowOf(storage, job.id), { state: "running", cancelRequested: true, finishedAt: null, runner: job.runner });
        await end(storage, job);
        assertRow(await rowOf(storage, job.id), { state: "completed" });
      },
    },
    {
      title: "cancel of one run says nothing about the next",
      run: async (storage) => {
        const job = await running(storage);
        await storage.cancel([job.id], NOW);
        assert.deepEqual(await storage.complete([givingBack(job)]), [true]);
        assert.equal((await claimOne(storage)).cancelRequested, false);
        assert.equal((await rowOf(storage, job.id)).cancelRequested, false);
      },
    },
    {
      title: "cancel tells finished and unknown jobs apart, in the order of the ids, and changes neither",
      run: async (storage) => {
        const done = await finished(storage, { end: { result: new Uint8Array([1]) } });
        const waiting = await enqueueOne(storage);
        const answers = await storage.cancel(["nobody", waiting, done, waiting], NOW + 1);
        assert.deepEqual(answers, ["unknown", "cancelled", "finished", "finished"]);
        assertRow(await rowOf(storage, done), { state: "completed", finishedAt: NOW });
        assert.deepEqual(await storage.cancel([], NOW), []);
      },
    },
    {
      title: "a cancel that comes before the claim wins, one that comes after it only asks",
      run: async (storage) => {
        const id = await enqueueOne(storage);
        const [answers, jobs] = await Promise.all([storage.cancel([id], NOW), claim(storage)]);
        assert.deepEqual([answers, idsOf(jobs)], answers[0] === "cancelled" ? [["cancelled"], []] : [["cancelling"], [id]]);
      },
    },
    {
      title: "retry lets a finished job start again from nothing, and due at once",
      run: async (storage) => {
        for (const to of ["completed", "dead", "cancelled"] as const) {
          const job = await running(storage, { maxRetries: 1, meta: { tenant: "one" } });
          await end(storage, job, { to, failure: failure("once"), result: new Uint8Array([1]), resultMoved: true, progress: 1 });
          assert.equal(await retry(storage, job.id, NOW + 7), "changed");
          assertRow(await rowOf(storage, job.id, NOW + 7), {
            ...{ state: "waiting", runAt: NOW + 7, attempt: 0, fence: 1, maxRetries: 1, meta: { tenant: "one" } },
            ...{ failure: null, result: null, resultMoved: false, progress: null },
            ...{ startedAt: null, finishedAt: null, runner: null, cancelRequested: false },
          });
          assert.deepEqual(await claim(storage, { now: NOW + 6 }), []);
          const again = await claimOne(storage, { now: NOW + 7 });
          assert.deepEqual([again.id, again.attempt, again.fence], [job.id, 1, 2]);
          assert.deepEqual(await storage.complete([ending(job)]), [false], "the old run is over");
          await end(storage, again);
        }
      },
    },
    {
      title: "retry brings forward what is scheduled or in back-off, with all attempts again",
      run: async (storage) => {
        const failed = await running(storage);
        await end(storage, failed, { to: "retrying", runAt: NOW + 1_000, failure: failure("once") });
        const scheduled = await enqueueOne(storage, { runAt: NOW + 2_000 });
        for (const id of [failed.id, scheduled]) {
          assert.equal(await retry(storage, id), "changed");
          assertRow(await rowOf(storage, id), { state: "waiting", runAt: NOW, attempt: 0, failure: null });
        }
        assert.deepEqual(idsOf(await claim(storage)), [failed.id, scheduled]);
      },
    },
    {
      title: "retry gives a waiting job all its attempts again and leaves it where it is",
      run: async (storage) => {
        const job = await running(storage, { runAt: NOW - 1 });
        await end(storage, job, { to: "retrying", runAt: NOW - 1 });
        const again = await claimOne(storage);
        assert.deepEqual(await storage.complete([givingBack(again)]), [true]);
        assertRow(await rowOf(storage, job.id), { state: "waiting", attempt: 1 });
        assert.equal(await retry(storage, job.id), "changed");
        assertRow(await rowOf(storage, job.id), { state: "waiting", attempt: 0, runAt: NOW - 1 });
      },
    },
    {
      title: "retry and remove leave a running job alone, and know an unknown one",
      run: async (storage) => {
        const job = await running(storage);
        assert.equal(await retry(storage, job.id), "running");
        assert.equal(await remove(storage, job.id), "running");
        assertRow(await rowOf(storage, job.id), { state: "running", fence: 1, attempt: 1 });
        assert.equal(await retry(storage, "nobody"), "unknown");
        assert.equal(await remove(storage, "nobody"), "unknown");
      },
    },
    {
      title: "remove leaves nothing of a job in any other state",
      run: async (storage) => {
        const retrying = await running(storage);
        await end(storage, retrying, { to: "retrying", runAt: NOW + 5 });
        const gone = [retrying.id];
        for (const to of ["completed", "dead", "cancelled"] as const) gone.push(await finished(storage, { end: { to } }));
        gone.push(...(await enqueue(storage, {}, { runAt: NOW + 5 })));
        const [kept] = await enqueue(storage, { runAt: NOW + 9 });
        for (const id of gone) assert.equal(await remove(storage, id), "changed");
        for (const id of gone) assert.equal(await remove(storage, id), "unknown");
        assert.deepEqual(await allIds(storage), [kept]);
        assert.deepEqual((await storage.count(NOW)).jobs, [{ queue: "default", name: "job", state: "scheduled", count: 1 }]);
        assert.deepEqual(await claim(storage, { now: NOW + 5 }), []);
        assert.equal(await storage.nextDueIn(NOW), 9);
      },
    },
    {
      title: "an id that was removed can be enqueued again",
      run: async (storage) => {
        const id = await enqueueOne(storage, { priority: 1 });
        await remove(storage, id);
        await enqueueOne(storage, { id, priority: 2 });
        assert.deepEqual((await claim(storage)).map((job) => [job.id, job.priority, job.fence]), [[id, 2, 1]]);
        assert.deepEqual(await allIds(storage), [id]);
      },
    },
  ],
};
