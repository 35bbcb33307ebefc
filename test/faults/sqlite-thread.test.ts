/** The storage's thread dies: what is under way is refused, another thread goes on with what was acknowledged, and the owner stays the owner. */

import { mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { sqliteStorage } from "millrace/sqlite";
import type { Storage } from "millrace";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { claim, claimOne, ending, newJob, NOW } from "../../src/testing/storage-suite/sample-jobs.js";
import { newGate, open } from "../integration/gates.js";
import { nextEvent, said, startEngine } from "../integration/engines.js";
import { newFile } from "../sqlite-files.js";
import { openStorage, refusal, withDatabase } from "./sqlite-stage.js";

/** Threads of storages, in order of their first message. */
const threads = new Set<Worker>();

beforeEach(() => {
  const postMessage = Reflect.get(Worker.prototype, "postMessage") as (this: Worker, ...args: unknown[]) => void;
  vi.spyOn(Worker.prototype, "postMessage").mockImplementation(function (this: Worker, message: unknown, ...more: unknown[]) {
    if (typeof message === "object" && message !== null && "verb" in message && !threads.has(this)) {
      threads.add(this);
      this.once("exit", () => threads.delete(this));
    }
    postMessage.call(this, message, ...more);
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  threads.clear();
});

function theThread(): Worker {
  const [thread] = [...threads].slice(-1);
  if (thread === undefined) throw new RangeError("there is no thread");
  return thread;
}

/** So many are rung in a second, as far as there is time. */
const RINGS = 50;

const ownerOf = (path: string): unknown => withDatabase(path, (database) => database.prepare("SELECT runner, epoch FROM owner").get());

describe("when the thread of a storage dies", () => {
  it("calls under way are refused, and the next ones find what was acknowledged", async () => {
    const path = newFile();
    const storage = await openStorage({ path });
    const acknowledged = [newJob(), newJob()];
    await storage.enqueue(acknowledged, NOW);
    const doubtful = Array.from({ length: 50 }, () => newJob());
    const calls = doubtful.map((job) => storage.enqueue([job], NOW));
    const end = theThread().terminate();
    const answers = await Promise.allSettled([...calls, storage.get(["nobody"], NOW), storage.count(NOW)]);
    for (const answer of answers) {
      if (answer.status === "rejected") await refusal(Promise.reject(answer.reason), path, /its thread has ended.*next call starts another/);
    }
    expect(answers.at(-1)?.status).toBe("rejected");
    await end;
    const stored = await storage.get(acknowledged.map(({ id }) => id), NOW);
    expect(stored.map((row) => row?.state)).toEqual(["waiting", "waiting"]);
    await storage.enqueue(doubtful, NOW);
    expect((await storage.count(NOW)).totals["default"]?.enqueued).toBe(52);
    const acknowledgedCalls = answers.slice(0, 50).filter(({ status }) => status === "fulfilled").length;
    expect(acknowledgedCalls).toBeLessThan(50);
  });

  it("again and again, each next one goes on", async () => {
    const storage = await openStorage({ path: newFile() });
    for (let round = 1; round <= 5; round += 1) {
      await storage.enqueue([newJob()], NOW);
      await theThread().terminate();
    }
    expect((await storage.count(NOW)).totals["default"]?.enqueued).toBe(5);
    await storage.close();
    expect(threads.size).toBe(0);
  });

  it("the owner goes on to own, and can end it", async () => {
    const path = newFile();
    const storage = await openStorage({ path });
    await storage.own("runner");
    const job = newJob();
    await storage.enqueue([job], NOW);
    const claimed = await claimOne(storage);
    await theThread().terminate();
    expect(await storage.complete([ending(claimed)])).toEqual([true]);
    await storage.own("runner");
    await expect(storage.own("another")).rejects.toThrow(/already owned by runner runner/);
    await storage.disown("runner");
    expect(ownerOf(path)).toEqual({ runner: null, epoch: 1 });
    await storage.own("another");
    await theThread().terminate();
    await storage.close();
    expect(ownerOf(path)).toEqual({ runner: null, epoch: 2 });
  });

  it("an owner that has lost the file meanwhile still sees it", async () => {
    const path = newFile();
    const storage = await openStorage({ path });
    await storage.own("runner");
    await theThread().terminate();
    withDatabase(path, (database) => database.exec("UPDATE owner SET runner = 'another', epoch = epoch + 1"));
    await refusal(storage.enqueue([newJob()], NOW), path, /taken over by runner another.*Stop this engine/);
  });

  it("a runner that was not told that it owns can own, or leave", async () => {
    const path = newFile();
    for (const verb of ["own", "disown"] as const) {
      // What died after the commit and before the answer has left the same behind as one that lives and is forgotten.
      await (await openStorage({ path })).own(verb);
      const storage = await openStorage({ path });
      await storage[verb](verb);
      await storage.disown(verb);
      expect(ownerOf(path)).toMatchObject({ runner: null });
    }
  });

  it("its changes are still told to those who listen", async () => {
    const storage = await openStorage({ path: newFile() });
    const heard: unknown[] = [];
    storage.subscribe?.((change) => heard.push(change));
    await theThread().terminate();
    await storage.enqueue([newJob()], NOW);
    expect(heard).toContainEqual({ kind: "ready", queues: ["default"] });
  });

  it("what others did until the next one is there is told by that one", async () => {
    const path = newFile();
    const owner = await openStorage({ path });
    await owner.own("owner");
    const client = await openStorage({ path });
    const job = newJob();
    await client.enqueue([job], NOW);
    const finished: string[] = [];
    client.subscribe?.((change) => change.kind === "finished" && finished.push(...change.ids));
    // Away for a while, so that the next thread comes late.
    renameSync(path, `${path}.away`);
    mkdirSync(path);
    await theThread().terminate();
    await refusal(client.count(NOW), path, /is no file/);
    const claimed = await claimOne(owner, { runner: "owner" });
    await owner.complete([ending(claimed)]);
    rmSync(path, { recursive: true });
    renameSync(`${path}.away`, path);
    await client.count(NOW);
    expect(finished).toEqual([job.id]);
  });

  it("and its file cannot be opened any more, every call says why, no thread is left, and it heals", async () => {
    const path = newFile();
    const storage = await openStorage({ path });
    await storage.enqueue([newJob()], NOW);
    renameSync(path, `${path}.away`);
    mkdirSync(path);
    await theThread().terminate();
    await vi.waitFor(() => expect(threads.size).toBe(0));
    for (let round = 0; round < 3; round += 1) await refusal(storage.count(NOW), path, /is no file/);
    await refusal(Promise.all([claim(storage), storage.enqueue([newJob()], NOW)]), path, /is no file/);
    await vi.waitFor(() => expect(threads.size).toBe(0));
    rmSync(path, { recursive: true });
    renameSync(`${path}.away`, path);
    expect((await storage.count(NOW)).totals["default"]?.enqueued).toBe(1);
  });
});

describe("an engine whose storage loses its thread", () => {
  it("goes on to run jobs, those that ran, that waited and that come", async () => {
    const path = newFile();
    const storage: Storage = sqliteStorage({ path, durability: "relaxed" });
    const engine = await startEngine({ storage, queues: { default: { threads: 1, concurrency: 2 } } });
    const gate = newGate();
    const running = await engine.enqueue("wait", gate);
    await said(engine, running.id, "waiting");
    const waiting = await engine.enqueue("echo", "waited", { delay: 50 });
    await theThread().terminate();
    open(gate);
    expect(await running.result()).toBeTypeOf("number");
    expect(await waiting.result()).toBe("waited");
    const completed = nextEvent(engine, "completed");
    expect(await engine.run("echo", "came")).toBe("came");
    await completed;
    // It is asked for when many calls are under way, too.
    const many = Array.from({ length: 20 }, (_, index) => engine.run("echo", index).catch((error: unknown) => error));
    void theThread().terminate();
    for (const answer of await Promise.all(many)) expect(answer instanceof Error ? (answer as { code?: unknown }).code : typeof answer).toMatch(/number|MILLRACE_STORAGE/);
    await engine.stop({ timeout: 1_000 });
    expect(ownerOf(path)).toMatchObject({ runner: null });
  });
});

it("a thread that always has something to do still rings for the others", { timeout: 20_000 }, async () => {
  const path = newFile();
  const storage = await openStorage({ path, durability: "relaxed" });
  await storage.own("owner");
  // A client, without which nobody would have to be rung for.
  await (await openStorage({ path })).enqueue([newJob()], NOW);
  const rings = new Set<number>();
  const deadline = performance.now() + 10_000;
  const goesOn = (): boolean => rings.size < RINGS && performance.now() < deadline;
  const keepBusy = async (): Promise<void> => {
    while (goesOn()) {
      await storage.enqueue(Array.from({ length: 20 }, () => newJob()), NOW);
      const jobs = await claim(storage, { runner: "owner", limit: 20 });
      await storage.complete(jobs.map((job) => ending(job)));
    }
  };
  const count = async (): Promise<void> => {
    for (; goesOn(); await nextTurn()) rings.add(statSync(`${path}-bell`).mtimeMs);
  };
  await Promise.all([count(), ...Array.from({ length: 600 }, keepBusy)]);
  expect(rings.size).toBeGreaterThanOrEqual(RINGS);
});
