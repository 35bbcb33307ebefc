import assert from "node:assert/strict";
import type { JobRow } from "../../job/job-record.js";
import { assertRow, claim, claimOne, end, enqueue, enqueueOne, failure, givingBack, idsOf, newJob, NOW, rowOf, running } from "./sample-jobs.js";
import type { Section } from "./section.js";

export const claims: Section = {
  title: "claim",
  cases: [
    {
      title: "notes who runs the job, since when and under which fence, in one step [25]",
      run: async (storage) => {
        const job = newJob({ payload: new Uint8Array([9, 8]), meta: { tenant: "one" } });
        await storage.enqueue([job], NOW);
        const claimed = await claimOne(storage, { runner: "me", now: NOW + 3 });
        const expected = { state: "running", runner: "me", startedAt: NOW + 3, attempt: 1, fence: 1, cancelRequested: false } as const;
        assertRow(claimed, { ...job, ...expected, finishedAt: null, failure: null, result: null });
        assertRow(await rowOf(storage, job.id), { ...job, ...expected });
      },
    },
    {
      title: "gives every job to exactly one of many who ask at once [24]",
      run: async (storage) => {
        const ids = await enqueue(storage, ...Array.from({ length: 100 }, () => ({})));
        const shares = await Promise.all(Array.from({ length: 30 }, () => claim(storage, { limit: 4 })));
        assert.deepEqual(idsOf(shares.flat()).toSorted(), ids.toSorted());
        assert.ok(shares.flat().every(({ fence, attempt }) => fence === 1 && attempt === 1));
      },
    },
    {
      title: "hides a running job from others who claim, but not from those who look [26]",
      run: async (storage) => {
        const job = await running(storage);
        assert.deepEqual(await claim(storage, { now: NOW + 1e9 }), []);
        assert.equal((await rowOf(storage, job.id, NOW + 1e9)).state, "running");
        assert.deepEqual(idsOf((await storage.list({ state: "running", limit: 10, now: NOW })).jobs), [job.id]);
      },
    },
    {
      title: "hands out copies, and so do all who read [27]",
      run: async (storage) => {
        const id = await enqueueOne(storage, { meta: { tenant: "one" }, backoff: { kind: "linear", delayMs: 5 } });
        await end(storage, await claimOne(storage), { to: "retrying", runAt: NOW, failure: failure("first") });
        const before = await rowOf(storage, id);
        const spoil = (row: JobRow): void => {
          const target = row as { -readonly [Key in keyof JobRow]: JobRow[Key] };
          // What is shared with the store may be frozen, so that changing it throws.
          for (const inner of [row.meta, row.backoff, row.failure]) {
            if (inner !== null && !Object.isFrozen(inner)) Object.assign(inner, { tenant: "two", delayMs: 6, reason: "exit" });
          }
          Object.assign(target, { priority: 99, state: "dead", fence: 99, attempt: 99, runAt: 0, meta: {} });
        };
        spoil(before);
        for (const row of (await storage.list({ limit: 10, now: NOW })).jobs) spoil(row);
        const kept = { meta: { tenant: "one" }, backoff: { kind: "linear", delayMs: 5 }, failure: failure("first"), priority: 0 } as const;
        assertRow(await rowOf(storage, id), { ...kept, state: "retrying", fence: 1, attempt: 1 });
        const claimed = await claimOne(storage);
        assertRow(claimed, { ...kept, state: "running", fence: 2, attempt: 2 });
        spoil(claimed);
        assertRow(await rowOf(storage, id), { ...kept, state: "running", fence: 2, attempt: 2 });
      },
    },
    {
      title: "changes nothing where it finds nothing [30]",
      run: async (storage) => {
        const id = await enqueueOne(storage, { runAt: NOW + 1 });
        for (const miss of [{}, { queue: "other", now: NOW + 1 }, { names: ["other"], now: NOW + 1 }, { limit: 0, now: NOW + 1 }]) {
          assert.deepEqual(await claim(storage, miss), []);
        }
        assertRow(await rowOf(storage, id), { state: "scheduled", attempt: 0, fence: 0, runner: null, startedAt: null });
      },
    },
    {
      title: "raises the fence by one each time, and nothing lowers it",
      run: async (storage) => {
        const id = await enqueueOne(storage);
        for (const fence of [1, 2, 3]) {
          const job = await claimOne(storage);
          assert.deepEqual([job.fence, job.attempt], [fence, 1]);
          assert.deepEqual(await storage.complete([givingBack(job)]), [true]);
          assert.equal((await rowOf(storage, id)).fence, fence);
        }
        await end(storage, await claimOne(storage), { to: "retrying", runAt: NOW });
        const fifth = await claimOne(storage);
        assert.deepEqual([fifth.fence, fifth.attempt], [5, 2]);
        await end(storage, fifth, { to: "dead" });
        await storage.change({ action: "retry", id, now: NOW });
        assertRow(await rowOf(storage, id), { fence: 5, attempt: 0 });
        const sixth = await claimOne(storage);
        assert.deepEqual([sixth.fence, sixth.attempt], [6, 1]);
      },
    },
    {
      title: "hands out nothing of a paused queue, and all of it afterwards",
      run: async (storage) => {
        const [paused, other] = await enqueue(storage, {}, { queue: "other" });
        await storage.pause("default", true);
        assert.deepEqual(await claim(storage), []);
        assert.deepEqual(idsOf(await claim(storage, { queue: "other" })), [other]);
        const late = await enqueueOne(storage);
        assert.deepEqual(await claim(storage), []);
        assert.equal((await rowOf(storage, late)).state, "waiting");
        await storage.pause("default", false);
        assert.deepEqual(idsOf(await claim(storage)), [paused, late]);
      },
    },
    {
      title: "does not disturb a job that runs when its queue is paused",
      run: async (storage) => {
        const job = await running(storage);
        await storage.pause("default", true);
        await end(storage, job);
        assert.equal((await rowOf(storage, job.id)).state, "completed");
      },
    },
  ],
};
