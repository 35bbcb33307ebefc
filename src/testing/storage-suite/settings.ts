import assert from "node:assert/strict";
import type { Schedule, Storage } from "../../storage/storage.js";
import { allIds, claim, claimOne, end, newJob, NOW, rowOf } from "./sample-jobs.js";
import type { Section } from "./section.js";

function schedule(overrides: Partial<Schedule> = {}): Schedule {
  const { name, queue, payload, priority, maxRetries, backoff, timeoutMs, unique, meta } = newJob({ payload: new Uint8Array([4, 2]) });
  const template = { name, queue, payload, priority, maxRetries, backoff, timeoutMs, unique, meta };
  return { name: "nightly", everyMs: 1_000, nextAt: NOW + 1_000, template, ...overrides };
}

async function names(storage: Storage): Promise<readonly string[]> {
  return (await storage.settings()).schedules.map(({ name }) => name).toSorted();
}

async function nextAt(storage: Storage): Promise<number | undefined> {
  return (await storage.settings()).schedules[0]?.nextAt;
}

export const settings: Section = {
  title: "settings",
  cases: [
    {
      title: "start empty",
      run: async (storage) => {
        assert.deepEqual(await storage.settings(), { paused: [], schedules: [] });
      },
    },
    {
      title: "know which queues are paused, also those without any job",
      run: async (storage) => {
        await storage.pause("b", true);
        await storage.pause("a:b", true);
        await storage.pause("b", true);
        await storage.pause("never paused", false);
        assert.deepEqual((await storage.settings()).paused.toSorted(), ["a:b", "b"]);
        await storage.pause("b", false);
        assert.deepEqual((await storage.settings()).paused, ["a:b"]);
      },
    },
    {
      title: "keep schedules, the last of each name",
      run: async (storage) => {
        const template = newJob({ backoff: { kind: "linear", delayMs: 1 }, meta: { a: "b" }, unique: { key: "k", until: "started" } });
        const { name, queue, payload, priority, maxRetries, backoff, timeoutMs, unique, meta } = template;
        await storage.saveSchedule(schedule({ nextAt: 5 }));
        await storage.saveSchedule(schedule({ name: "hourly" }));
        const latest = schedule({
          everyMs: 0.5,
          template: { name, queue, payload, priority, maxRetries: maxRetries + Infinity, backoff, timeoutMs, unique, meta },
        });
        await storage.saveSchedule(latest);
        assert.deepEqual(await names(storage), ["hourly", "nightly"]);
        const kept = (await storage.settings()).schedules.find((candidate) => candidate.name === "nightly");
        assert.ok(kept !== undefined);
        const plain = { ...kept, template: { ...kept.template, payload: Uint8Array.from(kept.template.payload) } };
        assert.deepEqual(plain, latest);
      },
    },
    {
      title: "keep when a schedule ticks next that is saved again with the same interval: it may have ticked since it was read",
      run: async (storage) => {
        await storage.saveSchedule(schedule());
        await storage.tick({ name: "nightly", dueAt: NOW + 1_000, nextAt: NOW + 2_000, job: newJob() });
        const { template } = schedule();
        await storage.saveSchedule(schedule({ template: { ...template, priority: 7 } }));
        const [kept] = (await storage.settings()).schedules;
        assert.deepEqual([kept?.nextAt, kept?.template.priority], [NOW + 2_000, 7]);
        await storage.saveSchedule(schedule({ everyMs: 2_000, nextAt: NOW }));
        assert.equal(await nextAt(storage), NOW, "another interval begins anew");
      },
    },
    {
      title: "forget a removed schedule",
      run: async (storage) => {
        await storage.saveSchedule(schedule());
        assert.equal(await storage.removeSchedule("nightly"), true);
        assert.equal(await storage.removeSchedule("nightly"), false);
        assert.deepEqual(await names(storage), []);
        const tick = { name: "nightly", dueAt: NOW + 1_000, nextAt: NOW + 2_000, job: newJob() };
        assert.equal(await storage.tick(tick), "lost");
        assert.deepEqual(await allIds(storage), []);
      },
    },
    {
      title: "tick enqueues the job and moves the schedule on, once",
      run: async (storage) => {
        await storage.saveSchedule(schedule());
        const job = newJob({ runAt: NOW + 1_000 });
        const tick = { name: "nightly", dueAt: NOW + 1_000, nextAt: NOW + 2_000, job };
        assert.equal(await storage.tick(tick), "ticked");
        assert.equal(await nextAt(storage), NOW + 2_000);
        assert.equal(await storage.tick({ ...tick, job: newJob() }), "lost", "somebody else ticked");
        assert.equal(await storage.tick({ ...tick, dueAt: NOW + 1_999, nextAt: NOW + 3_000, job: newJob() }), "lost");
        assert.equal(await nextAt(storage), NOW + 2_000);
        assert.deepEqual(await allIds(storage), [job.id]);
        assert.equal((await rowOf(storage, job.id)).state, "scheduled");
        assert.equal((await claimOne(storage, { now: NOW + 1_000 })).id, job.id);
      },
    },
    {
      title: "tick lets only one of many through",
      run: async (storage) => {
        await storage.saveSchedule(schedule());
        const ticks = Array.from({ length: 5 }, () => ({ name: "nightly", dueAt: NOW + 1_000, nextAt: NOW + 2_000, job: newJob() }));
        const answers = await Promise.all(ticks.map(async (tick) => storage.tick(tick)));
        assert.deepEqual(answers.toSorted(), ["lost", "lost", "lost", "lost", "ticked"]);
        assert.equal((await allIds(storage)).length, 1);
      },
    },
    {
      title: "tick only moves the schedule on while the unique key is held",
      run: async (storage) => {
        await storage.saveSchedule(schedule({ nextAt: NOW }));
        const unique = { key: "nightly", until: "finished" as const };
        const tick = (dueAt: number): Parameters<Storage["tick"]>[0] => ({ name: "nightly", dueAt, nextAt: dueAt + 1, job: newJob({ unique }) });
        assert.equal(await storage.tick(tick(NOW)), "ticked");
        assert.equal(await storage.tick(tick(NOW + 1)), "skipped");
        assert.equal(await nextAt(storage), NOW + 2);
        assert.equal((await allIds(storage)).length, 1);
        await end(storage, await claimOne(storage));
        assert.equal(await storage.tick(tick(NOW + 2)), "ticked");
        assert.equal((await claim(storage)).length, 1);
      },
    },
    {
      title: "tick hands out copies",
      run: async (storage) => {
        const given = { ...schedule() };
        await storage.saveSchedule(given);
        given.everyMs = 7;
        const [read] = (await storage.settings()).schedules;
        assert.ok(read !== undefined);
        if (!Object.isFrozen(read)) Object.assign(read, { everyMs: 8 });
        assert.equal((await storage.settings()).schedules[0]?.everyMs, 1_000);
      },
    },
  ],
};
