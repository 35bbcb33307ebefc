import assert from "node:assert/strict";
import type { Storage, StorageChange, StorageSupports } from "../../storage/storage.js";
import { claim, claimOne, end, enqueue, enqueueOne, finished, givingBack, newJob, NOW, running } from "./sample-jobs.js";
import type { Case, Section } from "./section.js";

const notifies = (supports: StorageSupports): boolean => supports.notifications;

type Listener = (change: StorageChange) => void;

function subscribe(storage: Storage, listener: Listener): () => void {
  assert.ok(storage.subscribe !== undefined, "a store that supports notifications has `subscribe`");
  return storage.subscribe(listener);
}

/** Resolves when a change of the kind names what is expected. Changes may be told late, in parts, and more than once. */
async function told(
  storage: Storage,
  { kind, items = [] }: { readonly kind: StorageChange["kind"]; readonly items?: readonly string[] },
  write: () => Promise<unknown>,
): Promise<void> {
  const missing = new Set(items);
  let unsubscribe: (() => void) | undefined;
  const heard = new Promise<void>((resolve) => {
    unsubscribe = subscribe(storage, (change) => {
      if (change.kind !== kind) return;
      const named = "queues" in change ? change.queues : "ids" in change ? change.ids : [];
      for (const item of named) missing.delete(item);
      if (missing.size === 0) resolve();
    });
  });
  await write();
  await heard;
  unsubscribe?.();
}

const cases: readonly Omit<Case, "when">[] = [
  {
    title: "tell which queues got jobs [19]",
    run: async (storage) => {
      await told(storage, { kind: "ready", items: ["default", "other"] }, () => enqueue(storage, {}, { queue: "other" }, {}));
    },
  },
  {
    title: "tell of jobs of the future too, since they may be due before all others [21]",
    run: async (storage) => {
      await told(storage, { kind: "ready", items: ["default"] }, () => enqueueOne(storage, { runAt: NOW + 5 }));
    },
  },
  {
    title: "tell of jobs that come back: given back, to be retried, snoozed, reclaimed",
    run: async (storage) => {
      await storage.own("runner");
      const ready = { kind: "ready", items: ["default"] } as const;
      const job = await running(storage);
      await told(storage, ready, () => storage.complete([givingBack(job)]));
      const again = await claimOne(storage);
      await told(storage, ready, () => end(storage, again, { to: "retrying", runAt: NOW }));
      const third = await claimOne(storage);
      await told(storage, ready, () => end(storage, third, { to: "scheduled", runAt: NOW }));
      const last = await claimOne(storage);
      await end(storage, last, { to: "dead" });
      await told(storage, ready, () => storage.change({ action: "retry", id: job.id, now: NOW }));
      await claimOne(storage);
      if (storage.supports.multiProcess) return;
      await storage.disown("runner");
      await storage.own("another");
      await told(storage, ready, () => storage.reclaim({ runner: "another", queue: null, keep: [], now: NOW }));
    },
  },
  {
    title: "tell of a queue that is resumed, and of settings",
    run: async (storage) => {
      await told(storage, { kind: "settings" }, () => storage.pause("default", true));
      await told(storage, { kind: "settings" }, () => storage.pause("default", false));
      await storage.pause("default", true);
      await told(storage, { kind: "ready", items: ["default"] }, () => storage.pause("default", false));
    },
  },
  {
    title: "tell of schedules, and of the jobs they enqueue",
    run: async (storage) => {
      const { name, queue, payload, priority, maxRetries, backoff, timeoutMs, unique, meta } = newJob();
      const template = { name, queue, payload, priority, maxRetries, backoff, timeoutMs, unique, meta };
      const schedule = { name: "nightly", everyMs: 1, nextAt: NOW, template };
      await told(storage, { kind: "settings" }, () => storage.saveSchedule(schedule));
      const tick = { name: "nightly", dueAt: NOW, nextAt: NOW + 1, job: newJob() };
      await told(storage, { kind: "ready", items: ["default"] }, () => storage.tick(tick));
      await told(storage, { kind: "settings" }, () => storage.tick({ ...tick, dueAt: NOW + 1, nextAt: NOW + 2, job: newJob() }));
      await told(storage, { kind: "settings" }, () => storage.removeSchedule("nightly"));
    },
  },
  {
    title: "tell which jobs finished, in every way",
    run: async (storage) => {
      for (const to of ["completed", "dead", "cancelled"] as const) {
        const job = await running(storage);
        await told(storage, { kind: "finished", items: [job.id] }, () => end(storage, job, { to }));
      }
      const ids = await enqueue(storage, {}, { runAt: NOW + 5 });
      await told(storage, { kind: "finished", items: ids }, () => storage.cancel(ids, NOW));
    },
  },
  {
    title: "tell which jobs were removed before they had finished",
    run: async (storage) => {
      const id = await enqueueOne(storage);
      await told(storage, { kind: "finished", items: [id] }, () => storage.change({ action: "remove", id, now: NOW }));
    },
  },
  {
    title: "tell which running jobs are to stop",
    run: async (storage) => {
      const job = await running(storage);
      await told(storage, { kind: "cancelling", items: [job.id] }, () => storage.cancel([job.id], NOW));
    },
  },
  {
    title: "do not tell of a write that changed nothing, nor of a finished job that is removed",
    run: async (storage) => {
      const done = await finished(storage, {});
      const job = await running(storage);
      const changes: StorageChange[] = [];
      const unsubscribe = subscribe(storage, (change) => void changes.push(change));
      await storage.complete([{ ...givingBack(job), fence: job.fence + 1 }]);
      await storage.cancel([done, "nobody"], NOW);
      await storage.change({ action: "remove", id: done, now: NOW });
      await claim(storage);
      // Whatever was told late has been told when this is.
      await told(storage, { kind: "settings" }, () => storage.pause("other", true));
      assert.deepEqual(changes.filter(({ kind }) => kind !== "settings"), []);
      unsubscribe();
    },
  },
  {
    title: "end with the subscription, and only with it",
    run: async (storage) => {
      const heard: string[] = [];
      const listener = (change: StorageChange): void => void heard.push(change.kind);
      const first = subscribe(storage, listener);
      const second = subscribe(storage, listener);
      first();
      first();
      await told(storage, { kind: "ready" }, () => enqueueOne(storage));
      assert.ok(heard.includes("ready"), "the other subscription goes on");
      second();
      heard.length = 0;
      await told(storage, { kind: "ready" }, () => enqueueOne(storage));
      assert.deepEqual(heard, []);
    },
  },
  {
    title: "do not let a listener that throws harm the write or other listeners",
    run: async (storage) => {
      const unsubscribe = subscribe(storage, () => {
        throw new Error("a listener of the conformance suite fails on purpose");
      });
      const job = newJob();
      await told(storage, { kind: "ready", items: ["default"] }, async () => {
        assert.deepEqual(await storage.enqueue([job], NOW), [{ id: job.id, duplicate: false }]);
      });
      unsubscribe();
      assert.equal((await claimOne(storage)).id, job.id);
    },
  },
];

export const notifications: Section = {
  title: "notifications",
  cases: cases.map((each) => ({ ...each, when: notifies })),
};
