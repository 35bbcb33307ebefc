import assert from "node:assert/strict";
import type { NewJob } from "../../job/job-record.js";
import { claim, claimOne, end, enqueue, enqueueOne, idsOf, newJob, NOW, rowOf } from "./sample-jobs.js";
import type { Section } from "./section.js";

/** Numbers below `below` that look random and are the same every time. */
function* numbers(below: number): Generator<number, never> {
  for (let seed = 42; ; ) {
    seed = (seed * 48_271) % 2_147_483_647;
    yield seed % below;
  }
}

export const ordering: Section = {
  title: "order of claims",
  cases: [
    {
      title: "orders by priority, then by time, then by order of enqueue [9, 15, 16]",
      run: async (storage) => {
        const ids = await enqueue(
          storage,
          { priority: 0, runAt: NOW },
          { priority: 0, runAt: NOW },
          { priority: 0, runAt: NOW - 1 },
          { priority: 1, runAt: NOW - 9 },
          { priority: -0.5, runAt: NOW },
          { priority: -0.5, runAt: NOW - 0.5 },
        );
        assert.deepEqual(idsOf(await claim(storage)), [5, 4, 2, 0, 1, 3].map((index) => ids[index]));
      },
    },
    {
      title: "breaks ties by order of enqueue and not by id, over many batches [16]",
      run: async (storage) => {
        const jobs = Array.from({ length: 60 }, (_, index) => newJob({ id: `tie-${String((index * 37) % 60).padStart(2, "0")}` }));
        for (let start = 0; start < 60; start += 7) await storage.enqueue(jobs.slice(start, start + 7), NOW);
        for (const { id } of jobs) assert.equal((await claimOne(storage)).id, id);
      },
    },
    {
      title: "hands out a big mixture exactly in order [15, 16]",
      run: async (storage) => {
        const random = numbers(5);
        const jobs = Array.from({ length: 300 }, () =>
          newJob({ priority: random.next().value, runAt: NOW - random.next().value, name: `job ${random.next().value}` }),
        );
        await storage.enqueue(jobs.slice(0, 200), NOW);
        const names = [0, 1, 2, 3, 4].map((index) => `job ${index}`);
        // A stable sort keeps the order of enqueue.
        const sorted = (rest: readonly NewJob[]): readonly NewJob[] =>
          rest.toSorted((a, b) => a.priority - b.priority || a.runAt - b.runAt);
        const expected = sorted(jobs.slice(0, 200));
        const claimed = idsOf(await claim(storage, { names, limit: 50 }));
        assert.deepEqual(claimed, idsOf(expected.slice(0, 50)));
        await storage.enqueue(jobs.slice(200), NOW);
        const left = jobs.filter(({ id }) => !claimed.includes(id));
        assert.deepEqual(idsOf(await claim(storage, { names })), idsOf(sorted(left)));
      },
    },
    {
      title: "never hands out a job before its time, not even by a fraction of a millisecond [14]",
      run: async (storage) => {
        const [first, second] = await enqueue(storage, { runAt: NOW + 1 }, { runAt: NOW + 1.5 });
        assert.deepEqual(await claim(storage), []);
        assert.deepEqual(await claim(storage, { now: NOW + 0.999 }), []);
        assert.deepEqual(idsOf(await claim(storage, { now: NOW + 1 })), [first]);
        assert.deepEqual(await claim(storage, { now: NOW + 1.25 }), []);
        assert.deepEqual(idsOf(await claim(storage, { now: NOW + 1.5 })), [second]);
      },
    },
    {
      title: "never hands out a job before its time when the clock was set back [14]",
      run: async (storage) => {
        const ids = await enqueue(storage, { runAt: NOW + 10 }, { runAt: NOW + 20, priority: -1 }, { runAt: NOW });
        assert.equal((await storage.count(NOW + 30)).jobs[0]?.count, 3);
        assert.deepEqual(idsOf(await claim(storage, { now: NOW + 5 })), [ids[2]]);
        assert.equal((await rowOf(storage, ids[0] ?? "", NOW + 5)).state, "scheduled");
        assert.equal(await storage.nextDueIn(NOW + 5), 5);
        assert.deepEqual(idsOf(await claim(storage, { now: NOW + 20 })), [ids[1], ids[0]]);
      },
    },
    {
      title: "sorts a job that became due by its own time, not by when that was noticed [9]",
      run: async (storage) => {
        const [later, earlier] = await enqueue(storage, { runAt: NOW + 2 }, { runAt: NOW + 1 });
        const past = await enqueueOne(storage, { runAt: NOW - 5 });
        assert.deepEqual(idsOf(await claim(storage, { now: NOW + 5 })), [past, earlier, later]);
      },
    },
    {
      title: "is not held up by jobs of the future or in back-off, whatever their priority [23, 29]",
      run: async (storage) => {
        const failed = await enqueueOne(storage, { priority: -3 });
        await end(storage, await claimOne(storage), { to: "retrying", runAt: NOW + 1_000 });
        await enqueueOne(storage, { priority: -2, runAt: NOW + 1e9 });
        const ready = await enqueueOne(storage, { priority: 5 });
        assert.deepEqual(idsOf(await claim(storage)), [ready]);
        assert.deepEqual(idsOf(await claim(storage, { now: NOW + 1_000 })), [failed]);
      },
    },
    {
      title: "sorts a retry by the time it is due [15, 29]",
      run: async (storage) => {
        const retried = await enqueueOne(storage, { runAt: NOW - 100 });
        await end(storage, await claimOne(storage), { to: "retrying", runAt: NOW + 5 });
        const [earlier, later] = await enqueue(storage, { runAt: NOW + 4 }, { runAt: NOW + 6 });
        assert.deepEqual(idsOf(await claim(storage, { now: NOW + 10 })), [earlier, retried, later]);
      },
    },
    {
      title: "never mixes queues, however alike their names are [17]",
      run: async (storage) => {
        const queues = ["a", "ab", "a,b", "a:b", "a b", " a", "a ", "A", "ä", "a\u0308", "日本", "'", "%", "__proto__", "constructor", ""];
        const ids = await enqueue(storage, ...queues.map((queue) => ({ queue })));
        for (const [index, queue] of queues.entries()) {
          assert.deepEqual(idsOf(await claim(storage, { queue })), [ids[index]], JSON.stringify(queue));
        }
      },
    },
    {
      title: "hands out only jobs of the names asked for, and leaves the others untouched [18]",
      run: async (storage) => {
        const names = ["a", "ab", "unknown", "a:b", "__proto__", "a"];
        const ids = await enqueue(storage, ...names.map((name) => ({ name })));
        assert.deepEqual(await claim(storage, { names: [] }), []);
        assert.deepEqual(idsOf(await claim(storage, { names: ["a", "none", "__proto__"] })), [ids[0], ids[4], ids[5]]);
        assert.deepEqual(idsOf(await claim(storage, { names: ["a:b", "ab", "ab"] })), [ids[1], ids[3]]);
        const row = await rowOf(storage, ids[2] ?? "");
        assert.deepEqual([row.state, row.attempt, row.fence], ["waiting", 0, 0]);
      },
    },
    {
      title: "hands out no more than asked for",
      run: async (storage) => {
        const ids = await enqueue(storage, ...Array.from({ length: 5 }, () => ({})));
        assert.deepEqual(await claim(storage, { limit: 0 }), []);
        assert.deepEqual(idsOf(await claim(storage, { limit: 2 })), ids.slice(0, 2));
        assert.deepEqual(idsOf(await claim(storage, { limit: 2 })), ids.slice(2, 4));
        assert.deepEqual(idsOf(await claim(storage, { limit: 2 })), ids.slice(4));
      },
    },
  ],
};
