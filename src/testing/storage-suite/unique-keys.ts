import assert from "node:assert/strict";
import type { NewJob, UniqueKey } from "../../job/job-record.js";
import { allIds, claim, claimOne, end, enqueueOne, givingBack, newJob, NOW, running } from "./sample-jobs.js";
import type { Section } from "./section.js";
import type { Storage } from "../../storage/storage.js";

const UNTIL_FINISHED: UniqueKey = { key: "key", until: "finished" };
const UNTIL_STARTED: UniqueKey = { key: "key", until: "started" };

/** Whether a new job gets the key; it is removed again. */
async function isFree(storage: Storage, overrides: Partial<NewJob> = {}): Promise<boolean> {
  const job = newJob({ unique: UNTIL_FINISHED, runAt: NOW + 1e6, ...overrides });
  const [answer] = await storage.enqueue([job], NOW);
  assert.ok(answer !== "full");
  assert.ok(answer !== undefined);
  assert.equal(answer.duplicate, answer.id !== job.id);
  if (!answer.duplicate) assert.equal(await storage.change({ action: "remove", id: job.id, now: NOW }), "changed");
  return !answer.duplicate;
}

export const uniqueKeys: Section = {
  title: "unique keys",
  cases: [
    {
      title: "give the job that holds the key, and store nothing",
      run: async (storage) => {
        const holder = await enqueueOne(storage, { unique: UNTIL_FINISHED });
        for (const unique of [UNTIL_FINISHED, UNTIL_STARTED]) {
          assert.deepEqual(await storage.enqueue([newJob({ unique })], NOW), [{ id: holder, duplicate: true }]);
        }
        assert.deepEqual(await allIds(storage), [holder]);
      },
    },
    {
      title: "count within one batch too",
      run: async (storage) => {
        const [first, second, third] = [newJob({ unique: UNTIL_FINISHED }), newJob({ unique: UNTIL_FINISHED }), newJob()];
        assert.deepEqual(await storage.enqueue([first, second, third], NOW), [
          { id: first.id, duplicate: false },
          { id: first.id, duplicate: true },
          { id: third.id, duplicate: false },
        ]);
        assert.deepEqual(await allIds(storage), [first.id, third.id]);
      },
    },
    {
      title: "belong to a name, in whatever queue, and are not confused with other names and keys",
      run: async (storage) => {
        await enqueueOne(storage, { name: "ab", unique: { key: "c:d", until: "finished" } });
        const free: readonly (readonly [string, string])[] = [["a", "bc:d"], ["ab:c", "d"], ["abc", ":d"], ["ab", "C:d"], ["ab", ""]];
        for (const [name, key] of free) assert.ok(await isFree(storage, { name, unique: { key, until: "finished" } }), `${name} ${key}`);
        assert.equal(await isFree(storage, { name: "ab", queue: "other", unique: { key: "c:d", until: "finished" } }), false);
      },
    },
    {
      title: "are held until the job has finished, whatever happens before",
      run: async (storage) => {
        const job = await running(storage, { unique: UNTIL_FINISHED });
        assert.equal(await isFree(storage), false);
        await end(storage, job, { to: "retrying", runAt: NOW + 1 });
        assert.equal(await isFree(storage), false);
        const again = await claimOne(storage, { now: NOW + 1 });
        assert.deepEqual(await storage.complete([givingBack(again)]), [true]);
        assert.equal(await isFree(storage), false);
        await end(storage, await claimOne(storage, { now: NOW + 1 }), { to: "scheduled", runAt: NOW + 2 });
        assert.equal(await isFree(storage), false);
        await end(storage, await claimOne(storage, { now: NOW + 2 }));
        assert.equal(await isFree(storage), true);
      },
    },
    {
      title: "are free after every way to finish, and after a removal",
      run: async (storage) => {
        for (const to of ["completed", "dead", "cancelled"] as const) {
          await end(storage, await running(storage, { unique: UNTIL_FINISHED }), { to });
          assert.equal(await isFree(storage), true, to);
        }
        const cancelled = await enqueueOne(storage, { unique: UNTIL_FINISHED });
        await storage.cancel([cancelled], NOW);
        assert.equal(await isFree(storage), true, "cancelled before it ran");
        const removed = await enqueueOne(storage, { unique: UNTIL_FINISHED });
        await storage.change({ action: "remove", id: removed, now: NOW });
        assert.equal(await isFree(storage), true, "removed");
      },
    },
    {
      title: "until the start are free once a run starts",
      run: async (storage) => {
        await running(storage, { unique: UNTIL_STARTED });
        assert.equal(await isFree(storage, { unique: UNTIL_STARTED }), true);
      },
    },
    {
      title: "until the start are held again by a job that is given back, if they are still free",
      run: async (storage) => {
        const first = await running(storage, { unique: UNTIL_STARTED });
        assert.deepEqual(await storage.complete([givingBack(first)]), [true]);
        assert.equal(await isFree(storage), false);
        const again = await claimOne(storage);
        const second = await enqueueOne(storage, { unique: UNTIL_STARTED });
        assert.deepEqual(await storage.complete([givingBack(again)]), [true]);
        assert.deepEqual(await storage.enqueue([newJob({ unique: UNTIL_STARTED })], NOW), [{ id: second, duplicate: true }]);
        assert.equal((await claim(storage)).length, 2, "both run in the end");
        assert.equal(await isFree(storage), true);
      },
    },
    {
      title: "of another unfinished job keep a finished one from its retry",
      run: async (storage) => {
        const job = await running(storage, { unique: UNTIL_FINISHED });
        await end(storage, job, { to: "dead" });
        const holder = await enqueueOne(storage, { unique: UNTIL_FINISHED, runAt: NOW + 1 });
        const retry = { action: "retry", id: job.id, now: NOW } as const;
        assert.equal(await storage.change(retry), "duplicate");
        await storage.cancel([holder], NOW);
        assert.equal(await storage.change(retry), "changed");
        assert.equal(await isFree(storage), false, "the retried job holds it again");
      },
    },
  ],
};
