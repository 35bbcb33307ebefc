import assert from "node:assert/strict";
import type { JobId } from "../../job/job-record.js";
import type { JobCount, ListQuery, Storage } from "../../storage/storage.js";
import { claim, claimOne, end, enqueue, enqueueOne, finished, givingBack, idsOf, newJob, NOW, rowOf, running } from "./sample-jobs.js";
import type { Section } from "./section.js";

/** All pages, after a check that each but the last is full. */
async function pages(storage: Storage, query: Omit<ListQuery, "now" | "after">): Promise<readonly (readonly JobId[])[]> {
  const all: (readonly JobId[])[] = [];
  let after: JobId | null = "";
  while (after !== null) {
    const { jobs, next }: Awaited<ReturnType<Storage["list"]>> = await storage.list({ ...query, now: NOW, after });
    if (next !== null) assert.deepEqual([jobs.length, next > after], [query.limit, true]);
    all.push(idsOf(jobs));
    after = next;
  }
  return all;
}

async function counts(storage: Storage, now: number = NOW): Promise<readonly JobCount[]> {
  const key = ({ queue, name, state }: JobCount): string => JSON.stringify([queue, name, state]);
  return (await storage.count(now)).jobs.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

export const reading: Section = {
  title: "reading",
  cases: [
    {
      title: "get answers in the order of the ids, and undefined for unknown ones",
      run: async (storage) => {
        const [first, second] = await enqueue(storage, {}, {});
        const rows = await storage.get([second ?? "", "nobody", first ?? "", second ?? ""], NOW);
        assert.deepEqual(rows.map((row) => row?.id), [second, undefined, first, second]);
        assert.deepEqual(await storage.get([], NOW), []);
      },
    },
    {
      title: "a scheduled job is waiting as soon as it is due; one in back-off stays so until it is claimed",
      run: async (storage) => {
        const failed = await running(storage);
        await end(storage, failed, { to: "retrying", runAt: NOW + 10 });
        const scheduled = await enqueueOne(storage, { runAt: NOW + 10 });
        const seen = async (now: number): Promise<unknown> => ({
          get: (await storage.get([failed.id, scheduled], now)).map((row) => row?.state),
          list: (await storage.list({ limit: 9, now })).jobs.map(({ state }) => state),
          count: (await counts(storage, now)).map(({ state, count }) => [state, count]),
          scheduled: idsOf((await storage.list({ state: "scheduled", limit: 9, now })).jobs),
          waiting: idsOf((await storage.list({ state: "waiting", limit: 9, now })).jobs),
        });
        assert.deepEqual(await seen(NOW + 9.5), {
          ...{ get: ["retrying", "scheduled"], list: ["retrying", "scheduled"] },
          ...{ count: [["retrying", 1], ["scheduled", 1]], scheduled: [scheduled], waiting: [] },
        });
        assert.deepEqual(await seen(NOW + 10), {
          ...{ get: ["retrying", "waiting"], list: ["retrying", "waiting"] },
          ...{ count: [["retrying", 1], ["waiting", 1]], scheduled: [], waiting: [scheduled] },
        });
      },
    },
    {
      title: "list goes through all jobs in order of id, page by page",
      run: async (storage) => {
        const ids = ["d", "b", "e", "a", "c"];
        for (const id of ids) await storage.enqueue([newJob({ id })], NOW);
        assert.deepEqual(await pages(storage, { limit: 2 }), [["a", "b"], ["c", "d"], ["e"]]);
        assert.deepEqual(await pages(storage, { limit: 5 }), [["a", "b", "c", "d", "e"]]);
        const { jobs, next } = await storage.list({ limit: 2, now: NOW, after: "bb" });
        assert.deepEqual([idsOf(jobs), next], [["c", "d"], "d"]);
        assert.deepEqual(await storage.list({ limit: 2, now: NOW, after: "e" }), { jobs: [], next: null });
      },
    },
    {
      title: "list can be told a state, a queue and a name",
      run: async (storage) => {
        const dead = await finished(storage, { end: { to: "dead" } });
        const deadToo = await finished(storage, { end: { to: "dead" } });
        const [waiting, other, named] = await enqueue(storage, {}, { queue: "other" }, { name: "other" });
        assert.deepEqual(await pages(storage, { state: "dead", limit: 1 }), [[dead], [deadToo]]);
        assert.deepEqual(await pages(storage, { queue: "other", limit: 9 }), [[other]]);
        assert.deepEqual(await pages(storage, { name: "other", limit: 9 }), [[named]]);
        assert.deepEqual(await pages(storage, { queue: "default", name: "job", state: "waiting", limit: 9 }), [[waiting]]);
        assert.deepEqual(await pages(storage, { queue: "other", state: "dead", limit: 9 }), [[]]);
      },
    },
    {
      title: "list goes on where it was while jobs come and go",
      run: async (storage) => {
        for (const id of ["a", "c", "e", "g"]) await storage.enqueue([newJob({ id })], NOW);
        const first = await storage.list({ limit: 2, now: NOW });
        assert.deepEqual([idsOf(first.jobs), first.next], [["a", "c"], "c"]);
        await storage.change({ action: "remove", id: "c", now: NOW });
        for (const id of ["b", "d"]) await storage.enqueue([newJob({ id })], NOW);
        assert.deepEqual(idsOf((await storage.list({ limit: 9, now: NOW, after: "c" })).jobs), ["d", "e", "g"]);
      },
    },
    {
      title: "count counts by queue, name and state, and leaves out what there is none of",
      run: async (storage) => {
        assert.deepEqual(await storage.count(NOW), { jobs: [], totals: {} });
        await running(storage, { queue: "b" });
        await enqueue(storage, {}, {}, { name: "other" }, { runAt: NOW + 1 }, { queue: "__proto__" });
        assert.deepEqual(await counts(storage), [
          { queue: "__proto__", name: "job", state: "waiting", count: 1 },
          { queue: "b", name: "job", state: "running", count: 1 },
          { queue: "default", name: "job", state: "scheduled", count: 1 },
          { queue: "default", name: "job", state: "waiting", count: 2 },
          { queue: "default", name: "other", state: "waiting", count: 1 },
        ]);
        assert.deepEqual(Object.keys((await storage.count(NOW)).totals).toSorted(), ["__proto__", "b", "default"]);
      },
    },
    {
      title: "totals count every job and every end once, and never fall",
      run: async (storage) => {
        const unique = { key: "key", until: "finished" as const };
        const job = newJob({ unique });
        await storage.enqueue([job, job, newJob({ unique })], NOW);
        const first = await claimOne(storage);
        await end(storage, first, { to: "retrying", runAt: NOW });
        assert.deepEqual(await storage.complete([givingBack(await claimOne(storage))]), [true]);
        await end(storage, await claimOne(storage), { to: "dead" });
        await finished(storage, { end: { to: "completed" } });
        await finished(storage, { end: { to: "cancelled" } });
        const cancelled = await enqueueOne(storage);
        await storage.cancel([cancelled, cancelled], NOW);
        const expected = { default: { enqueued: 4, completed: 1, dead: 1, cancelled: 2 } };
        assert.deepEqual((await storage.count(NOW)).totals, expected);
        await storage.change({ action: "remove", id: cancelled, now: NOW });
        const nothing = { ageMs: 0, count: 0 };
        await storage.prune({ retention: { completed: nothing, dead: nothing, bytes: 0 }, limit: 99, now: NOW });
        assert.deepEqual(await storage.count(NOW), { jobs: [], totals: expected });
      },
    },
    {
      title: "nextDueIn tells when the next job will be due, and leaves out those that are [20, 21]",
      run: async (storage) => {
        assert.equal(await storage.nextDueIn(NOW), null);
        await enqueueOne(storage);
        assert.equal(await storage.nextDueIn(NOW), null);
        await enqueueOne(storage, { runAt: NOW + 1_000 });
        assert.equal(await storage.nextDueIn(NOW), 1_000);
        const earlier = await enqueueOne(storage, { queue: "other", runAt: NOW + 20.5 });
        assert.equal(await storage.nextDueIn(NOW), 20.5);
        assert.equal(await storage.nextDueIn(NOW + 20), 0.5);
        assert.equal(await storage.nextDueIn(NOW + 20.5), 979.5);
        await storage.cancel([earlier], NOW);
        assert.equal(await storage.nextDueIn(NOW), 1_000);
      },
    },
    {
      title: "nextDueIn knows jobs in back-off and snoozed ones [20]",
      run: async (storage) => {
        await end(storage, await running(storage), { to: "retrying", runAt: NOW + 30 });
        assert.equal(await storage.nextDueIn(NOW), 30);
        const snoozed = await running(storage);
        await end(storage, snoozed, { to: "scheduled", runAt: NOW + 10 });
        assert.equal(await storage.nextDueIn(NOW), 10);
        assert.equal((await claim(storage, { now: NOW + 30 })).length, 2);
        assert.equal(await storage.nextDueIn(NOW + 30), null);
        assert.equal((await rowOf(storage, snoozed.id)).state, "running");
      },
    },
  ],
};
