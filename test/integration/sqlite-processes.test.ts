/** One process runs the jobs of a file, others enqueue, read, control and await them. */

import { createEngine } from "millrace";
import { sqliteStorage } from "millrace/sqlite";
import { readdirSync, symlinkSync } from "node:fs";
import { basename, dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { newFile } from "../sqlite-files.js";
import { kill, newClient, startOwner } from "./sqlite-owners.js";

describe("a client in another process than the one that runs the jobs", () => {
  it("enqueues jobs and gets their results", async () => {
    const path = newFile();
    await startOwner(path);
    const client = newClient(path);
    expect(await client.run("echo", { a: 1 })).toEqual({ a: 1 });
    const handles = await client.enqueueMany("echo", Array.from({ length: 200 }, (_, n) => n));
    expect(await Promise.all(handles.map((job) => job.result()))).toEqual(Array.from({ length: 200 }, (_, n) => n));
    expect((await client.stats()).queues["default"]).toMatchObject({ completed: 201, totals: { enqueued: 201, completed: 201 } });
  });

  it("gets the results of many more jobs than the owner keeps", async () => {
    const path = newFile();
    await startOwner(path);
    const client = newClient(path);
    const numbers = Array.from({ length: 8_000 }, (_, n) => n);
    expect(await Promise.all(numbers.map((n) => client.run("echo", n)))).toEqual(numbers);
  });

  it("rings the same bell, by whatever name it knows the file", async () => {
    const path = newFile();
    await startOwner(path);
    symlinkSync(path, `${path}-link`);
    expect(await newClient(`${path}-link`).run("echo", 1)).toBe(1);
    expect(readdirSync(dirname(path)).filter((name) => name.endsWith("-bell"))).toEqual([`${basename(path)}-bell`]);
  });

  it("cancels what runs there, and hears of it", async () => {
    const path = newFile();
    await startOwner(path);
    const client = newClient(path);
    const job = await client.enqueue("untilCancelled", null);
    await expect.poll(async () => (await job.info())?.state).toBe("running");
    expect(await job.cancel()).toBe("cancelling");
    await expect(job.result()).rejects.toMatchObject({ code: "MILLRACE_JOB_CANCELLED" });
  });

  it("pauses and resumes its queues", async () => {
    const path = newFile();
    await startOwner(path);
    const client = newClient(path);
    await client.pause("default");
    const job = await client.enqueue("echo", 1);
    expect((await job.info())?.state).toBe("waiting");
    await client.resume("default");
    expect(await job.result()).toBe(1);
  });

  it("has its jobs run by the process that comes next, when the first is killed", async () => {
    const path = newFile();
    const first = await startOwner(path);
    const client = newClient(path);
    const running = await client.enqueue("untilCancelled", null);
    await expect.poll(async () => (await running.info())?.state).toBe("running");
    await expect(createEngine({ jobs: new URL("../fixtures/jobs/neighbour.js", import.meta.url), storage: sqliteStorage({ path }) }).start()).rejects.toMatchObject({
      code: "MILLRACE_STORAGE",
      message: expect.stringContaining(`process ${first.pid}`) as string,
    });
    await kill(first);
    const waiting = await client.enqueue("echo", "later");
    await startOwner(path);
    expect(await waiting.result()).toBe("later");
    await expect.poll(async () => (await running.info())?.state).toBe("running");
    expect(await running.info()).toMatchObject({ attempt: 1 });
  });
});
