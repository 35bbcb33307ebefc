import { describe, expect, it } from "vitest";
import { StorageError } from "../../../../src/errors.js";
import { memoryStorage } from "../../../../src/storage/memory/memory-storage.js";
import type { Storage, StorageChange } from "../../../../src/storage/storage.js";
import { claim, enqueue, ending, failure, newJob, NOW } from "../../../../src/testing/storage-suite/sample-jobs.js";

async function open(): Promise<{ readonly storage: Storage; readonly changes: StorageChange[] }> {
  const storage = memoryStorage();
  await storage.open();
  const changes: StorageChange[] = [];
  storage.subscribe?.((change) => void changes.push(change));
  return { storage, changes };
}

describe("memory storage", () => {
  it("says what it supports", () => {
    expect(memoryStorage().supports).toEqual({ durable: false, multiProcess: false, notifications: true, transfer: true });
  });

  it("refuses to work before it is opened and after the last close, however often that comes", async () => {
    const storage = memoryStorage();
    await expect(storage.enqueue([newJob()], NOW)).rejects.toThrow(StorageError);
    await storage.close();
    await storage.open();
    await storage.open();
    await storage.close();
    await expect(storage.count(NOW)).resolves.toEqual({ jobs: [], totals: {} });
    await storage.close();
    for (const call of [storage.own("x"), storage.settings(), storage.get(["x"], NOW), storage.pause("x", true)]) {
      await expect(call).rejects.toThrow("not open");
    }
  });

  it("names both runners when it is owned, and what to do", async () => {
    const { storage } = await open();
    await storage.own("first");
    await expect(storage.own("second")).rejects.toThrow(/owned by runner first.*runner second.*client/);
  });

  it("belongs to nobody once nobody has it open, even if an owner never let go", async () => {
    const { storage } = await open();
    await storage.own("first");
    await storage.close();
    await storage.open();
    await expect(storage.own("second")).resolves.toEqual([]);
  });

  it("has done its work when a verb returns, so that verbs take effect in the order of their calls", async () => {
    const { storage } = await open();
    const job = newJob();
    void storage.enqueue([job], NOW);
    const claimed = claim(storage);
    const cancelled = storage.cancel([job.id], NOW);
    expect((await claimed).map(({ id }) => id)).toEqual([job.id]);
    expect(await cancelled).toEqual(["cancelling"]);
  });

  it("tells of a verb once it is done and before it returns, each kind of change at once", async () => {
    const { storage, changes } = await open();
    void enqueue(storage, {}, { queue: "other" }, {}, { queue: "other", runAt: NOW + 1 });
    expect(changes).toEqual([{ kind: "ready", queues: ["default", "other"] }]);
    const [first, second] = await claim(storage);
    changes.length = 0;
    void storage.complete([ending(first!), ending(second!, { to: "waiting" })]);
    expect(changes).toEqual([
      { kind: "ready", queues: ["default"] },
      { kind: "finished", ids: [first!.id] },
    ]);
  });

  it("lets a listener call the store", async () => {
    const { storage, changes } = await open();
    const claims: Promise<unknown>[] = [];
    storage.subscribe?.((change) => {
      if (change.kind === "ready") claims.push(claim(storage).then(async (jobs) => storage.complete(jobs.map((job) => ending(job)))));
    });
    const [id] = await enqueue(storage, {});
    await Promise.all(claims);
    expect(changes).toEqual([
      { kind: "ready", queues: ["default"] },
      { kind: "finished", ids: [id] },
    ]);
  });

  it("keeps what has ended for a second, whatever is to be kept, while another engine may not have read it", async () => {
    const { storage } = await open();
    await storage.open();
    const retention = { completed: { ageMs: 0, count: 0 }, dead: { ageMs: 0, count: 0 }, bytes: 0 };
    const job = newJob();
    await enqueue(storage, job);
    const [claimed] = await claim(storage);
    await storage.complete([ending(claimed!, { at: NOW })]);
    expect(await storage.prune({ retention, limit: 10, now: NOW + 400 })).toEqual({ pruned: 0, nextInMs: 600 });
    await storage.close();
    expect(await storage.prune({ retention, limit: 10, now: NOW + 400 })).toEqual({ pruned: 1, nextInMs: null });
  });

  it("does not push out what is kept by the weight of what another engine may not have read yet", async () => {
    const { storage } = await open();
    await storage.open();
    const retention = { completed: { ageMs: 1e9, count: 1 }, dead: { ageMs: 1e9, count: 10 }, bytes: 3_000 };
    for (let n = 0; n < 6; n += 1) await enqueue(storage, newJob());
    const [dead, ...others] = await claim(storage, { limit: 6 });
    await storage.complete([ending(dead!, { to: "dead", at: NOW, failure: failure("no") })]);
    const result = new Uint8Array(1_000);
    await storage.complete(others.map((job) => ending(job, { at: NOW + 60_000, result })));
    expect(await storage.prune({ retention, limit: 10, now: NOW + 60_000 })).toEqual({ pruned: 0, nextInMs: 1_000 });
    expect(await storage.prune({ retention, limit: 10, now: NOW + 61_000 })).toMatchObject({ pruned: 4 });
    expect(await storage.get([dead!.id], NOW)).toMatchObject([{ state: "dead" }]);
  });

  it("never says that the next is due before now", async () => {
    const { storage } = await open();
    await storage.open();
    const retention = { completed: { ageMs: 0, count: 0 }, dead: { ageMs: 0, count: 0 }, bytes: 0 };
    for (let n = 0; n < 2; n += 1) await enqueue(storage, newJob());
    await storage.complete((await claim(storage, { limit: 2 })).map((job) => ending(job, { at: NOW })));
    expect(await storage.prune({ retention, limit: 1, now: NOW + 60_000 })).toEqual({ pruned: 1, nextInMs: 0 });
  });

  it("goes on with the next job after one batch could not be stored", async () => {
    const { storage, changes } = await open();
    await expect(storage.enqueue([newJob(), undefined as never], NOW)).rejects.toThrow(TypeError);
    expect(changes).toEqual([]);
    const [id] = await enqueue(storage, {});
    expect((await claim(storage)).map((job) => job.id)).toEqual([id]);
  });
});
