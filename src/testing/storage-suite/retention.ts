import assert from "node:assert/strict";
import type { Retention, Storage } from "../../storage/storage.js";
import { allIds, claimOne, end, enqueue, enqueueOne, finished, NOW, running } from "./sample-jobs.js";
import type { Section } from "./section.js";

const FOR_EVER: Retention = {
  completed: { ageMs: Infinity, count: Infinity },
  dead: { ageMs: Infinity, count: Infinity },
  bytes: Infinity,
};

type Pruned = Awaited<ReturnType<Storage["prune"]>>;

async function prune(
  storage: Storage,
  { now = NOW, limit = 1_000, ...retention }: Partial<Retention> & { readonly now?: number; readonly limit?: number },
): Promise<Pruned> {
  return storage.prune({ retention: { ...FOR_EVER, ...retention }, limit, now });
}

export const retention: Section = {
  title: "prune",
  cases: [
    {
      title: "deletes finished jobs of their age, and says when the next is due",
      run: async (storage) => {
        const ids: string[] = [];
        for (const at of [NOW, NOW + 10, NOW + 20.5]) ids.push(await finished(storage, { end: { at } }));
        const completed = { ageMs: 100, count: Infinity };
        assert.deepEqual(await prune(storage, { completed, now: NOW + 99 }), { pruned: 0, nextInMs: 1 });
        assert.deepEqual(await prune(storage, { completed, now: NOW + 100 }), { pruned: 1, nextInMs: 10 });
        assert.deepEqual(await allIds(storage), ids.slice(1));
        assert.deepEqual(await prune(storage, { completed, now: NOW + 115 }), { pruned: 1, nextInMs: 5.5 });
        assert.deepEqual(await prune(storage, { completed, now: NOW + 1e6 }), { pruned: 1, nextInMs: null });
        assert.deepEqual(await storage.get(ids, NOW), [undefined, undefined, undefined]);
      },
    },
    {
      title: "deletes by number, the oldest first, for each state and queue by itself",
      run: async (storage) => {
        const kept: string[] = [];
        for (const queue of ["default", "other"]) {
          for (const to of ["completed", "dead", "cancelled"] as const) {
            // Finished in the opposite order of their ids.
            const ids: string[] = [];
            for (const at of [3, 2, 1]) ids.push(await finished(storage, { job: { queue }, end: { to, at: NOW + at } }));
            kept.push(...ids.slice(0, to === "dead" ? 1 : 2));
          }
        }
        const limits = { completed: { ageMs: Infinity, count: 2 }, dead: { ageMs: Infinity, count: 1 } };
        assert.deepEqual(await prune(storage, limits), { pruned: 8, nextInMs: null });
        assert.deepEqual(await allIds(storage), kept.toSorted());
      },
    },
    {
      title: "gives dead jobs an age of their own, and cancelled ones that of completed ones",
      run: async (storage) => {
        await finished(storage, { end: { to: "completed" } });
        const dead = await finished(storage, { end: { to: "dead" } });
        await finished(storage, { end: { to: "cancelled" } });
        await storage.cancel([await enqueueOne(storage)], NOW);
        const limits = { completed: { ageMs: 5, count: Infinity }, dead: { ageMs: 7, count: Infinity } };
        assert.deepEqual(await prune(storage, { ...limits, now: NOW + 5 }), { pruned: 3, nextInMs: 2 });
        assert.deepEqual(await allIds(storage), [dead]);
      },
    },
    {
      title: "deletes by weight of payloads and results, the oldest of a queue first",
      run: async (storage) => {
        const ids: string[] = [];
        for (const [index, to] of (["completed", "dead", "cancelled"] as const).entries()) {
          const job = { payload: new Uint8Array(60) };
          ids.push(await finished(storage, { job, end: { to, at: NOW + index, result: new Uint8Array(40) } }));
        }
        const other = await finished(storage, { job: { queue: "other", payload: new Uint8Array(100) } });
        assert.equal((await prune(storage, { bytes: 300 })).pruned, 0);
        assert.equal((await prune(storage, { bytes: 299 })).pruned, 1);
        assert.deepEqual(await allIds(storage), [...ids.slice(1), other]);
        assert.equal((await prune(storage, { bytes: 100 })).pruned, 1);
        assert.deepEqual(await allIds(storage), [ids[2], other]);
        assert.equal((await prune(storage, { bytes: 0 })).pruned, 2);
      },
    },
    {
      title: "takes weight of what age and number leave",
      run: async (storage) => {
        const job = { payload: new Uint8Array(10) };
        const dead = await finished(storage, { job, end: { to: "dead", at: NOW - 5 } });
        await finished(storage, { job, end: { at: NOW } });
        const limits = { completed: { ageMs: Infinity, count: 0 }, bytes: 10 };
        assert.deepEqual(await prune(storage, limits), { pruned: 1, nextInMs: null });
        assert.deepEqual(await allIds(storage), [dead]);
      },
    },
    {
      title: "stops at its limit with the oldest gone, and asks to be called again at once",
      run: async (storage) => {
        const ids: string[] = [];
        for (const [at, to] of [[3, "completed"], [1, "dead"], [2, "cancelled"], [4, "completed"]] as const) {
          ids.push(await finished(storage, { end: { to, at: NOW + at } }));
        }
        const limits = { completed: { ageMs: 0, count: 0 }, dead: { ageMs: 0, count: 0 }, now: NOW + 9 };
        assert.deepEqual(await prune(storage, { ...limits, limit: 2 }), { pruned: 2, nextInMs: 0 });
        assert.deepEqual(await allIds(storage), [ids[0], ids[3]]);
        assert.deepEqual(await prune(storage, { ...limits, limit: 2 }), { pruned: 2, nextInMs: null });
      },
    },
    {
      title: "never touches a job that is not finished, however old and heavy",
      run: async (storage) => {
        const strict = { completed: { ageMs: 0, count: 0 }, dead: { ageMs: 0, count: 0 }, bytes: 0, now: NOW + 1e9 };
        const failed = await running(storage, { payload: new Uint8Array(1_000) });
        await end(storage, failed, { to: "retrying", runAt: NOW + 1 });
        const active = await running(storage);
        const ids = await enqueue(storage, {}, { runAt: NOW + 5 });
        assert.deepEqual(await prune(storage, strict), { pruned: 0, nextInMs: null });
        assert.deepEqual(await allIds(storage), [failed.id, active.id, ...ids]);
      },
    },
    {
      title: "counts neither what was removed nor what was retried",
      run: async (storage) => {
        const job = { payload: new Uint8Array(10) };
        const removed = await finished(storage, { job, end: { at: NOW - 2 } });
        const retried = await finished(storage, { job, end: { at: NOW - 1 } });
        const kept = await finished(storage, { job, end: { at: NOW - 3 } });
        await storage.change({ action: "remove", id: removed, now: NOW });
        await storage.change({ action: "retry", id: retried, now: NOW });
        const limits = { completed: { ageMs: 100, count: 1 }, bytes: 10 };
        assert.deepEqual(await prune(storage, limits), { pruned: 0, nextInMs: 97 });
        assert.deepEqual(await allIds(storage), [retried, kept]);
        assert.equal((await claimOne(storage)).id, retried);
      },
    },
    {
      title: "makes nothing of an empty store",
      run: async (storage) => {
        assert.deepEqual(await prune(storage, { bytes: 0 }), { pruned: 0, nextInMs: null });
      },
    },
  ],
};
