/** No room on the disk: nothing that was acknowledged is lost or doubled, and with room it goes on by itself. */

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Storage } from "millrace";
import { sqliteStorage } from "millrace/sqlite";
import { describe, expect, it } from "vitest";
import type { NewJob } from "../../src/job/job-record.js";
import type { Enqueued } from "../../src/storage/storage.js";
import { claimOne, ending, newJob, NOW } from "../../src/testing/storage-suite/sample-jobs.js";
import { newEngine, rejection, startEngine } from "../integration/engines.js";
import { newFile } from "../sqlite-files.js";
import { canMount, newDisk, newStorage, openStorage, refusal } from "./sqlite-stage.js";

const MORE_THAN_ANY_DISK = 2 ** 60;
const BIG = 100_000;

const bigJob = (): NewJob => newJob({ payload: new Uint8Array(BIG).fill(7) });

/** Enqueues batches of three until one is refused. */
async function fill(storage: Storage): Promise<{ readonly stored: readonly NewJob[]; readonly refused: readonly NewJob[]; readonly error: unknown }> {
  const stored: NewJob[] = [];
  for (;;) {
    const batch = [bigJob(), bigJob(), bigJob()];
    try {
      await storage.enqueue(batch, NOW);
      stored.push(...batch);
    } catch (error) {
      return { stored, refused: batch, error };
    }
  }
}

const statesOf = async (storage: Storage, jobs: readonly NewJob[], now = NOW): Promise<readonly (string | undefined)[]> =>
  (await storage.get(jobs.map(({ id }) => id), now)).map((row) => row?.state);

describe.skipIf(!canMount)("a disk that is full", () => {
  it("refuses jobs until there is room again; what was acknowledged can be read all the while", async () => {
    const disk = newDisk(3_000_000);
    const ballast = join(disk, "ballast");
    writeFileSync(ballast, Buffer.alloc(1_000_000));
    const path = join(disk, "jobs.db");
    const storage = await openStorage({ path, minFreeSpace: 0 });
    const later = newJob({ runAt: NOW + 1_000 });
    await storage.enqueue([later], NOW);
    const { stored, refused, error } = await fill(storage);
    await refusal(Promise.reject(error), path, /make room, and it goes on/);
    expect(stored.length).toBeGreaterThan(0);
    // Together with a write that fails, and at a time at which a job becomes due, which cannot be noted.
    const [failed, read, count] = await Promise.allSettled([storage.enqueue(refused, NOW), statesOf(storage, stored, NOW + 2_000), storage.count(NOW + 2_000)]);
    expect(failed.status).toBe("rejected");
    expect(read).toEqual({ status: "fulfilled", value: stored.map(() => "waiting") });
    expect(count.status).toBe("fulfilled");
    expect(await statesOf(storage, refused)).toEqual([undefined, undefined, undefined]);
    rmSync(ballast);
    for (let repeat = 0; repeat < 2; repeat += 1) {
      const answers = await storage.enqueue(refused, NOW);
      expect(answers).toEqual(refused.map(({ id }): Enqueued => ({ id, duplicate: false })));
    }
    const all = [...stored, ...refused];
    expect(await statesOf(storage, all)).toEqual(all.map(() => "waiting"));
    expect((await storage.count(NOW)).totals["default"]?.enqueued).toBe(all.length + 1);
    const claimed = await claimOne(storage);
    expect(claimed.payload).toEqual(stored[0]?.payload);
    expect(await storage.complete([ending(claimed)])).toEqual([true]);
    await storage.close();
    const again = await openStorage({ path, minFreeSpace: 0 });
    expect((await again.count(NOW)).jobs.reduce((sum, { count: jobs }) => sum + jobs, 0)).toBe(all.length + 1);
  });

  it("closes, and can be opened when there is room again", async () => {
    const disk = newDisk(2_000_000);
    const path = join(disk, "jobs.db");
    const storage = await openStorage({ path, minFreeSpace: 0 });
    const { stored } = await fill(storage);
    await storage.own("runner").catch(() => undefined);
    await storage.close().catch(() => undefined);
    const again = await openStorage({ path, minFreeSpace: 0 });
    expect(await statesOf(again, stored)).toEqual(stored.map(() => "waiting"));
  });

  it("with no room for a new file is told, and leaves nothing behind", async () => {
    const disk = newDisk(16_384);
    const ballast = join(disk, "ballast");
    writeFileSync(ballast, Buffer.alloc(16_384));
    const path = join(disk, "jobs.db");
    const storage = newStorage({ path, minFreeSpace: 0 });
    await refusal(storage.open(), path, /make room|look at the disk/);
    rmSync(ballast);
    // Smaller than any store.
    await refusal(storage.open(), path, /make room|look at the disk/);
    writeFileSync(ballast, Buffer.alloc(16_384));
  });
});

describe("less free space than minFreeSpace", () => {
  it("refuses new jobs and ticks only", async () => {
    const path = newFile();
    const roomy = await openStorage({ path });
    const [first, second, third] = [newJob(), newJob(), newJob()];
    await roomy.enqueue([first, second, third], NOW);
    const { id: _, runAt: __, createdAt: ___, attachments: ____, depth: _____, ...template } = newJob();
    await roomy.saveSchedule({ name: "tick", everyMs: 1_000, nextAt: NOW, template });
    await roomy.close();
    const storage = await openStorage({ path, minFreeSpace: MORE_THAN_ANY_DISK });
    const advice = /minFreeSpace.*until there is more room/;
    await refusal(storage.enqueue([newJob()], NOW), path, advice);
    await refusal(storage.tick({ name: "tick", dueAt: NOW, nextAt: NOW + 1_000, job: newJob() }), path, advice);
    expect((await storage.settings()).schedules[0]?.nextAt).toBe(NOW);
    const claimed = await claimOne(storage);
    expect(await storage.complete([ending(claimed)])).toEqual([true]);
    expect(await storage.cancel([second.id], NOW)).toEqual(["cancelled"]);
    expect(await storage.change({ action: "retry", id: second.id, now: NOW })).toBe("changed");
    expect(await statesOf(storage, [first, second, third])).toEqual(["completed", "waiting", "waiting"]);
  });

  it("does not keep an engine from the jobs that it has", async () => {
    const path = newFile();
    const client = newEngine({ storage: sqliteStorage({ path }) });
    const { id } = await client.enqueue("echo", "stored in time");
    await client.stop();
    const engine = await startEngine({ storage: sqliteStorage({ path, minFreeSpace: MORE_THAN_ANY_DISK }) });
    expect(await rejection(engine.enqueue("echo", "too late"))).toMatchObject({ code: "MILLRACE_STORAGE", message: expect.stringContaining("minFreeSpace") as string });
    const job = engine.job(id);
    expect(await job.result()).toBe("stored in time");
  });
});
