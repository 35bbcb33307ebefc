import assert from "node:assert/strict";
import type { NewJob } from "../../job/job-record.js";
import type { QueueLimit, QueueLimits, Storage } from "../../storage/storage.js";
import { allIds, claim, claimOne, end, enqueue, finished, givingBack, newJob, NOW, running } from "./sample-jobs.js";
import type { Section } from "./section.js";

function limited(maxQueued: number, room = 1): QueueLimits {
  return new Map([["default", { maxQueued, room }]]);
}

function jobs(count: number, overrides: Partial<NewJob> = {}): readonly NewJob[] {
  return Array.from({ length: count }, () => newJob(overrides));
}

/** What became of each job: stored, the duplicate of another one, or full. */
async function fates(storage: Storage, batch: readonly NewJob[], limits: QueueLimits): Promise<readonly string[]> {
  const answers = await storage.enqueue(batch, NOW, limits);
  return answers.map((answer) => (answer === "full" ? answer : answer.duplicate ? "duplicate" : "stored"));
}

export const limits: Section = {
  title: "limits",
  cases: [
    {
      title: "keep out what a queue has no room for, job by job, and store the others",
      run: async (storage) => {
        const batch = jobs(5);
        assert.deepEqual(await fates(storage, batch, limited(3)), ["stored", "stored", "stored", "full", "full"]);
        assert.deepEqual(await allIds(storage), batch.slice(0, 3).map(({ id }) => id));
        assert.deepEqual(await fates(storage, jobs(1), limited(3)), ["full"]);
        assert.deepEqual(await fates(storage, jobs(1), limited(0)), ["full"]);
        assert.deepEqual(await fates(storage, jobs(2), limited(Infinity)), ["stored", "stored"]);
        const { totals } = await storage.count(NOW);
        assert.equal(totals["default"]?.enqueued, 5, "what is kept out does not count");
      },
    },
    {
      title: "hold for many calls at once",
      run: async (storage) => {
        const answers = await Promise.all(jobs(10).map(async (job) => fates(storage, [job], limited(5))));
        assert.equal(answers.flat().filter((fate) => fate === "stored").length, 5);
        assert.equal((await allIds(storage)).length, 5);
      },
    },
    {
      title: "count waiting, scheduled and retrying jobs of all names, and no others",
      run: async (storage) => {
        await finished(storage, {});
        const retrying = await running(storage);
        await end(storage, retrying, { to: "retrying", runAt: NOW + 5 });
        await running(storage);
        await enqueue(storage, { runAt: NOW + 5 }, { name: "other" }, { queue: "other" });
        assert.deepEqual(await fates(storage, jobs(2), limited(4)), ["stored", "full"]);
        // Time passes, and what was scheduled waits.
        assert.deepEqual((await storage.enqueue(jobs(1), NOW + 10, limited(4))), ["full"]);
      },
    },
    {
      title: "hold for the queues that are named, each its own",
      run: async (storage) => {
        const both: ReadonlyMap<string, QueueLimit> = new Map([["a", { maxQueued: 1, room: 1 }], ["__proto__", { maxQueued: 2, room: 1 }]]);
        const batch = ["a", "__proto__", "c", "a", "__proto__", "c", "__proto__"].map((queue) => newJob({ queue }));
        assert.deepEqual(await fates(storage, batch, both), ["stored", "stored", "stored", "full", "stored", "stored", "full"]);
      },
    },
    {
      title: "with room for many store all of a queue or none",
      run: async (storage) => {
        await enqueue(storage, {});
        assert.deepEqual(await fates(storage, jobs(3), limited(3, 3)), ["full", "full", "full"]);
        assert.equal((await allIds(storage)).length, 1);
        assert.deepEqual(await fates(storage, jobs(2), limited(3, 2)), ["stored", "stored"]);
        const some = [...jobs(1, { queue: "other" }), ...jobs(1)];
        assert.deepEqual(await fates(storage, some, limited(9, 7)), ["stored", "full"], "more room is wanted than there is");
        assert.deepEqual(await fates(storage, jobs(1), limited(9, 6)), ["stored"]);
      },
    },
    {
      title: "refuse neither a duplicate nor an id that is stored",
      run: async (storage) => {
        const unique = { key: "key", until: "finished" as const };
        const first = newJob({ unique });
        assert.deepEqual(await fates(storage, [first], limited(1)), ["stored"]);
        assert.deepEqual(await fates(storage, [newJob(), newJob({ unique }), first], limited(1)), ["full", "duplicate", "stored"]);
        assert.deepEqual(await allIds(storage), [first.id]);
      },
    },
    {
      title: "leave no key and no line to a job that is kept out",
      run: async (storage) => {
        const unique = { key: "key", until: "finished" as const };
        assert.deepEqual(await fates(storage, [newJob({ unique }), newJob({ unique })], limited(0)), ["full", "full"]);
        assert.deepEqual((await storage.count(NOW)).jobs, []);
        assert.deepEqual(await fates(storage, [newJob({ unique })], limited(1)), ["stored"]);
      },
    },
    {
      title: "have room again when jobs are claimed, cancelled or removed, and never refuse what comes back",
      run: async (storage) => {
        const [first, second, third] = await enqueue(storage, {}, {}, {});
        assert.ok(first !== undefined && second !== undefined && third !== undefined);
        assert.deepEqual(await fates(storage, jobs(1), limited(3)), ["full"]);
        const claimed = await claimOne(storage);
        await storage.cancel([second], NOW);
        await storage.change({ action: "remove", id: third, now: NOW });
        assert.deepEqual(await fates(storage, jobs(4), limited(3)), ["stored", "stored", "stored", "full"]);
        await end(storage, claimed, { to: "retrying", runAt: NOW });
        assert.equal(await storage.change({ action: "retry", id: second, now: NOW }), "changed");
        const again = await claimOne(storage);
        assert.deepEqual(await storage.complete([givingBack(again)]), [true]);
        assert.equal((await claim(storage)).length, 5);
        assert.deepEqual(await fates(storage, jobs(2), limited(1)), ["stored", "full"]);
      },
    },
    {
      title: "let a tick skip a full queue: the schedule moves on",
      run: async (storage) => {
        const { name, queue, payload, priority, maxRetries, backoff, timeoutMs, unique, meta } = newJob();
        const template = { name, queue, payload, priority, maxRetries, backoff, timeoutMs, unique, meta };
        await storage.saveSchedule({ name: "nightly", everyMs: 1, nextAt: NOW, template });
        const limit = { maxQueued: 1, room: 1 };
        const tick = (dueAt: number): Parameters<Storage["tick"]>[0] => ({ name: "nightly", dueAt, nextAt: dueAt + 1, job: newJob(), limit });
        assert.equal(await storage.tick(tick(NOW)), "ticked");
        assert.equal(await storage.tick(tick(NOW + 1)), "full");
        assert.equal((await storage.settings()).schedules[0]?.nextAt, NOW + 2);
        assert.equal((await allIds(storage)).length, 1);
        await claimOne(storage);
        assert.equal(await storage.tick(tick(NOW + 2)), "ticked");
      },
    },
  ],
};
