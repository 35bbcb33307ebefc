import assert from "node:assert/strict";
import type { JobRow } from "../../job/job-record.js";
import type { ReclaimRequest, Storage, StorageSupports } from "../../storage/storage.js";
import { assertRow, claim, claimOne, end, ending, enqueue, enqueueOne, idsOf, newJob, NOW, rowOf, running } from "./sample-jobs.js";
import type { Section } from "./section.js";

const oneOwner = (supports: StorageSupports): boolean => !supports.multiProcess;

async function reclaim(storage: Storage, overrides: Partial<ReclaimRequest>): Promise<readonly JobRow[]> {
  return storage.reclaim({ runner: "second", queue: null, keep: [], now: NOW, ...overrides });
}

export const ownership: Section = {
  title: "ownership",
  cases: [
    {
      title: "belongs to one runner at a time, and says so to the next",
      when: oneOwner,
      run: async (storage) => {
        assert.deepEqual(await storage.own("first"), []);
        await assert.rejects(storage.own("second"), { code: "MILLRACE_STORAGE", message: /first/ });
        assert.deepEqual(await storage.own("first"), []);
        await assert.rejects(storage.own("second"));
      },
    },
    {
      title: "is free again when its owner lets go, and nobody else can do that",
      when: oneOwner,
      run: async (storage) => {
        await storage.disown("nobody");
        await storage.own("first");
        await storage.disown("second");
        await assert.rejects(storage.own("second"));
        await storage.disown("first");
        await storage.own("second");
        await assert.rejects(storage.own("first"));
      },
    },
    {
      title: "gives no jobs to a runner that does not own it any more, and takes none back for it",
      when: oneOwner,
      run: async (storage) => {
        await storage.own("first");
        await enqueue(storage, {}, {});
        const theirs = await claimOne(storage, { runner: "first" });
        await storage.disown("first");
        await storage.own("second");
        await reclaim(storage, {});
        const mine = await claimOne(storage, { runner: "second" });
        assert.deepEqual(await claim(storage, { runner: "first" }), []);
        assert.deepEqual(await reclaim(storage, { runner: "first" }), []);
        assert.deepEqual(await storage.complete([ending(theirs), ending(mine)]), [false, true]);
      },
    },
    {
      title: "reclaim gives back, uncharged, what the owners before have left running [63]",
      when: oneOwner,
      run: async (storage) => {
        await storage.own("first");
        const ids = await enqueue(storage, { runAt: NOW - 2 }, { runAt: NOW - 1 }, { runAt: NOW });
        const left = await claim(storage, { runner: "first", limit: 2 });
        await storage.disown("first");
        await storage.own("second");
        const mine = await claimOne(storage, { runner: "second" });
        const rows = await reclaim(storage, { keep: [mine], now: NOW + 1 });
        assert.deepEqual(idsOf(rows).toSorted(), ids.slice(0, 2));
        for (const row of rows) {
          assertRow(row, { state: "waiting", attempt: 0, fence: 1, runner: null, startedAt: null });
          assertRow(await rowOf(storage, row.id), { state: "waiting", attempt: 0, fence: 1, runner: null, runAt: row.runAt });
        }
        assertRow(await rowOf(storage, mine.id), { state: "running", runner: "second" });
        assert.deepEqual(await storage.complete(left.map((job) => ending(job))), [false, false], "too late [65]");
        const again = await claim(storage, { runner: "second" });
        assert.deepEqual(again.map(({ id, fence, attempt }) => [id, fence, attempt]), ids.slice(0, 2).map((id) => [id, 2, 1]));
        assert.deepEqual(await reclaim(storage, { keep: [...again, mine], now: NOW + 1e9 }), [], "who keeps a job is alive, however long it takes [66]");
      },
    },
    {
      title: "reclaim gives back what the caller has claimed and does not know of, but keeps nothing for others",
      when: oneOwner,
      run: async (storage) => {
        const ids = await enqueue(storage, {}, {}, {}, { runAt: NOW + 1 });
        const [known, lost] = await claim(storage, { runner: "second", limit: 2 });
        const [theirs] = await claim(storage, { runner: "first", limit: 1 });
        assert.ok(known !== undefined && lost !== undefined && theirs !== undefined);
        const rows = await reclaim(storage, { keep: [known, theirs, { id: "nobody", fence: 1 }, { id: ids[3] ?? "", fence: 0 }] });
        assert.deepEqual(idsOf(rows).toSorted(), [lost.id, theirs.id]);
        assertRow(await rowOf(storage, known.id), { state: "running", runner: "second", fence: 1 });
        assert.equal((await rowOf(storage, ids[3] ?? "")).state, "scheduled");
        const later = { ...known, fence: known.fence + 1 };
        assert.deepEqual(idsOf(await reclaim(storage, { keep: [later] })), [known.id], "one claim of a job is not another");
        assert.deepEqual(idsOf(await claim(storage)), ids.slice(0, 3));
      },
    },
    {
      title: "reclaim can be told a queue, and leaves finished and waiting jobs alone",
      when: oneOwner,
      run: async (storage) => {
        await end(storage, await running(storage, { queue: "a" }));
        await enqueue(storage, { queue: "a" }, { queue: "ab" }, { queue: "a", runAt: NOW + 1 });
        const [first] = await claim(storage, { queue: "a" });
        const [second] = await claim(storage, { queue: "ab" });
        assert.ok(first !== undefined && second !== undefined);
        assert.deepEqual(await reclaim(storage, { queue: "none" }), []);
        assert.deepEqual(idsOf(await reclaim(storage, { queue: "a" })), [first.id]);
        assertRow(await rowOf(storage, second.id), { state: "running" });
        assert.deepEqual(idsOf(await reclaim(storage, {})), [second.id]);
      },
    },
    {
      title: "reclaim keeps on record that somebody wants a job cancelled, and gives a unique key back",
      when: oneOwner,
      run: async (storage) => {
        const id = await enqueueOne(storage, { unique: { key: "key", until: "started" } });
        await claimOne(storage, { runner: "first" });
        await storage.cancel([id], NOW);
        const [row] = await reclaim(storage, {});
        assert.deepEqual([row?.state, row?.cancelRequested], ["waiting", true]);
        const other = newJob({ unique: { key: "key", until: "started" } });
        assert.deepEqual(await storage.enqueue([other], NOW), [{ id, duplicate: true }]);
        assert.deepEqual(await storage.cancel([id], NOW), ["cancelled"]);
      },
    },
    {
      title: "reclaim gives a unique key that two jobs want to the one enqueued first",
      when: oneOwner,
      run: async (storage) => {
        const unique = { key: "key", until: "started" } as const;
        const [first] = await enqueue(storage, { unique, priority: 2 });
        await claimOne(storage);
        await enqueue(storage, { unique, priority: 1 });
        await claimOne(storage);
        await reclaim(storage, {});
        // Now they are claimed in the other order.
        assert.equal((await claim(storage)).length, 2);
        await reclaim(storage, {});
        assert.deepEqual(await storage.enqueue([newJob({ unique })], NOW), [{ id: first, duplicate: true }]);
      },
    },
  ],
};
