import assert from "node:assert/strict";
import type { NewJob } from "../../job/job-record.js";
import { allIds, assertRow, claim, claimOne, end, enqueue, enqueueOne, newJob, NOW, rowOf } from "./sample-jobs.js";
import type { Section } from "./section.js";

/** The latest time that a `Date` can hold. */
const LATEST_TIME = 8.64e15;

export const enqueuing: Section = {
  title: "enqueue",
  cases: [
    {
      title: "keeps every setting of a job, which starts without any run [3, 7]",
      run: async (storage) => {
        const job = newJob({
          name: "naïve/job, two",
          queue: "queue: one",
          payload: Uint8Array.from({ length: 256 }, (_, index) => index),
          priority: -1.5,
          maxRetries: 3,
          backoff: { kind: "exponential", base: 2.5, maxDelayMs: 1_000, jitter: 0.25 },
          timeoutMs: 1_500,
          runAt: NOW,
          createdAt: NOW - 5,
          unique: { key: "a key", until: "started" },
          meta: { tenant: "ünï", "": "empty", trace: "" },
        });
        assert.deepEqual(await storage.enqueue([job], NOW), [{ id: job.id, duplicate: false }]);
        assertRow(await rowOf(storage, job.id), {
          ...job,
          state: "waiting",
          attempt: 0,
          fence: 0,
          runner: null,
          startedAt: null,
          finishedAt: null,
          failure: null,
          result: null,
          resultMoved: false,
          cancelRequested: false,
          progress: null,
        });
      },
    },
    {
      title: "keeps the extremes of every setting",
      run: async (storage) => {
        const extremes: readonly Partial<NewJob>[] = [
          { maxRetries: Infinity, backoff: { kind: "linear", delayMs: 0 } },
          { maxRetries: 0, timeoutMs: 0.5, priority: Number.MAX_VALUE },
          { priority: -Number.MAX_VALUE, runAt: LATEST_TIME },
          { priority: Number.MIN_VALUE, runAt: NOW + 0.25 },
          { meta: Object.fromEntries([["__proto__", "safe"], ["constructor", "safe"]]) },
        ];
        for (const extreme of extremes) assertRow(await rowOf(storage, await enqueueOne(storage, extreme)), extreme);
      },
    },
    {
      title: "keeps payloads of any length byte by byte",
      run: async (storage) => {
        const big = Uint8Array.from({ length: 1_000_003 }, (_, index) => (index * 31) % 251);
        // The second is a view into the middle of a larger buffer.
        const payloads = [new Uint8Array(0), big.subarray(1_000, 1_100), big, new Uint8Array([0])];
        const ids = await enqueue(storage, ...payloads.map((payload) => ({ payload })));
        for (const [index, job] of (await claim(storage)).entries()) {
          assert.ok(job.payload instanceof Uint8Array);
          assertRow(job, { id: ids[index] ?? "", payload: payloads[index] ?? new Uint8Array() });
        }
      },
    },
    {
      title: "is not affected by what happens to the given objects afterwards [3, 4]",
      run: async (storage) => {
        const meta = { tenant: "one" };
        const unique = { key: "mine", until: "finished" as const };
        const backoff = { kind: "linear" as const, delayMs: 5 };
        const job = { ...newJob(), meta, unique, backoff };
        await storage.enqueue([job], NOW);
        meta.tenant = "two";
        unique.key = "yours";
        backoff.delayMs = 6;
        job.priority = 7;
        assertRow(await rowOf(storage, job.id), {
          meta: { tenant: "one" },
          unique: { key: "mine", until: "finished" },
          backoff: { kind: "linear", delayMs: 5 },
          priority: 0,
        });
      },
    },
    {
      title: "takes times at and before the epoch as long due [10]",
      run: async (storage) => {
        const ids = await enqueue(storage, { runAt: 0 }, { runAt: -1_000 }, { runAt: 1 });
        assert.deepEqual((await claim(storage)).map(({ id }) => id), [ids[1], ids[0], ids[2]]);
      },
    },
    {
      title: "keeps a job whose time is the last there is [10, 38]",
      run: async (storage) => {
        const id = await enqueueOne(storage, { runAt: LATEST_TIME });
        assert.equal((await rowOf(storage, id)).state, "scheduled");
        assert.deepEqual(await claim(storage, { now: LATEST_TIME - 1 }), []);
        assert.equal((await claimOne(storage, { now: LATEST_TIME })).id, id);
      },
    },
    {
      title: "answers in the order of the batch, and takes an empty one",
      run: async (storage) => {
        assert.deepEqual(await storage.enqueue([], NOW), []);
        const jobs = [newJob({ priority: 2 }), newJob({ priority: 1 }), newJob({ queue: "other" })];
        const answers = await storage.enqueue(jobs, NOW);
        assert.deepEqual(answers, jobs.map(({ id }) => ({ id, duplicate: false })));
      },
    },
    {
      title: "acknowledges an id that it has and changes nothing, also within one batch",
      run: async (storage) => {
        const job = newJob();
        const other = { ...job, priority: 9, runAt: NOW + 1, unique: { key: "key", until: "finished" as const } };
        const acknowledged = { id: job.id, duplicate: false };
        assert.deepEqual(await storage.enqueue([job, other], NOW), [acknowledged, acknowledged]);
        assert.deepEqual(await storage.enqueue([other], NOW), [acknowledged]);
        assertRow(await rowOf(storage, job.id), { priority: 0, runAt: NOW, unique: null });
        const claimed = await claimOne(storage);
        assert.deepEqual(await storage.enqueue([job], NOW), [acknowledged]);
        assert.equal((await rowOf(storage, job.id)).state, "running");
        await end(storage, claimed);
        assert.deepEqual(await storage.enqueue([job], NOW), [acknowledged]);
        assert.equal((await rowOf(storage, job.id)).state, "completed");
        assert.deepEqual(await allIds(storage), [job.id]);
      },
    },
    {
      title: "stores nothing of a batch with something that is no job",
      run: async (storage) => {
        await assert.rejects(async () => storage.enqueue([newJob(), null as unknown as NewJob], NOW));
        assert.deepEqual(await allIds(storage), []);
        assert.deepEqual((await storage.count(NOW)).jobs, []);
        assert.deepEqual(await claim(storage), []);
      },
    },
    {
      title: "lets jobs wait that nobody claims [13, 18]",
      run: async (storage) => {
        const id = await enqueueOne(storage, { queue: "nobody works here" });
        assertRow(await rowOf(storage, id, NOW + 1e9), { state: "waiting", attempt: 0 });
        assert.equal((await claimOne(storage, { queue: "nobody works here", now: NOW + 1e9 })).id, id);
      },
    },
  ],
};
