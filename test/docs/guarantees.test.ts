/** One demonstration for each promise of docs/guarantees.md. The details have tests of their own, which that page names. */

import { randomUUID } from "node:crypto";
import { BroadcastChannel } from "node:worker_threads";
import { createEngine, type Engine, type EngineOptions, JobError, JobTimeoutError, memoryStorage, type Storage, StorageError, ThreadExitedError } from "millrace";
import { defineJob, defineJobs } from "millrace/jobs";
import { createTestEngine, manualClock } from "millrace/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { anchorsOf, readDocument } from "./markdown.js";

const echo = defineJob<unknown>({ name: "echo" });
const breakDown = defineJob<string>({ name: "breakDown", maxRetries: 0 });
const spin = defineJob<number>({ name: "spin" });
const wait = defineJob<string, number>({ name: "wait", maxRetries: 0 });

const JOBS = new URL("../fixtures/jobs/promises.js", import.meta.url);

async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const engine = createEngine({ jobs: JOBS, queues: { default: { threads: 1 } }, grace: 50, ...options });
  onTestFinished(async () => void (await engine.stop({ timeout: 0 })));
  await engine.start();
  return engine;
}

/** The memory storage, with some of its verbs replaced. */
function storageWith(verbs: (memory: Storage) => Partial<Storage>): Storage {
  const memory = memoryStorage();
  return Object.assign(Object.create(memory) as Storage, bound(memory), verbs(memory));
}

function bound(memory: Storage): Partial<Storage> {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(memory)).filter((name) => name !== "constructor");
  return Object.fromEntries(names.map((name) => [name, (memory[name as keyof Storage] as (...args: unknown[]) => unknown).bind(memory)]));
}

/** Where a test tells jobs that wait to go on. */
function newChannel(): BroadcastChannel {
  const channel = new BroadcastChannel(`guarantees ${randomUUID()}`);
  onTestFinished(() => channel.close());
  return channel;
}

/** Resolves when so many jobs of this name have said by their log that they run. */
function running(engine: Engine, name: string, count = 1): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    const off = engine.on("log", (event) => {
      if (event.name === name) left -= 1;
      if (left > 0) return;
      off();
      resolve();
    });
  });
}

describe("at least once", () => {
  it("enqueue resolves when the job is stored, and rejects when it is not", async () => {
    let isFull = false;
    const storage = storageWith((memory) => ({
      enqueue: (jobs, now, limits) => (isFull ? Promise.reject(new Error("the disk is full")) : memory.enqueue(jobs, now, limits)),
    }));
    const engine = createEngine({ storage });
    onTestFinished(async () => void (await engine.stop()));
    const job = await engine.enqueue(echo, 1);
    expect(await job.info()).toMatchObject({ state: "waiting" });
    isFull = true;
    await expect(engine.enqueue(echo, 2)).rejects.toThrow(StorageError);
    expect((await engine.list()).jobs).toHaveLength(1);
  });

  it("nobody is told of an end before the storage has accepted it", async () => {
    const story: string[] = [];
    const storage = storageWith((memory) => ({
      complete: async (transitions) => {
        if (story.push("asked") === 1) throw new Error("not now");
        const applied = await memory.complete(transitions);
        story.push("stored");
        return applied;
      },
    }));
    const engine = await startEngine({ storage });
    engine.on("error", ({ error }) => story.push(error instanceof StorageError ? "failed" : "?"));
    engine.on("completed", () => story.push("event"));
    expect(await engine.run(echo, "value")).toBe("value");
    story.push("result");
    expect(story).toEqual(["asked", "failed", "asked", "stored", "event", "result"]);
  });

  it("what an engine leaves unfinished, the next one on the same storage runs", async () => {
    const storage = memoryStorage();
    const first = await startEngine({ storage });
    const channel = newChannel();
    const started = running(first, "wait");
    const interrupted = await first.enqueue(wait, channel.name);
    const unstarted = await first.enqueue(echo, "later");
    await started;
    expect(await first.stop({ timeout: 0 })).toEqual({ completed: 0, returned: 2 });

    const second = createEngine({ jobs: JOBS, storage, queues: { default: { threads: 1 } } });
    onTestFinished(async () => void (await second.stop({ timeout: 0 })));
    const startedAgain = running(second, "wait");
    await second.start();
    await startedAgain;
    channel.postMessage("go on");
    // Its first run was interrupted through no fault of its own, and is not counted.
    expect(await second.job(interrupted.id).result()).toBe(1);
    expect(await second.job(unstarted.id).result()).toBe("later");
  });
});

describe("the main thread stays free", () => {
  it("turns while a job computes", async () => {
    const engine = await startEngine();
    const started = running(engine, "spin");
    const job = { isOver: false };
    const over = engine.run(spin, 200).finally(() => {
      job.isOver = true;
    });
    await started;
    let turns = 0;
    for (; !job.isOver; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    await over;
    expect(turns).toBeGreaterThan(20);
  });
});

describe("a deadline is a deadline", () => {
  it("also for a busy loop, and its neighbours run again without paying a retry", async () => {
    const engine = await startEngine({ queues: { default: { threads: 1, concurrency: 3 } } });
    const channel = newChannel();
    const waiting = running(engine, "wait", 2);
    const neighbours = [engine.run(wait, channel.name), engine.run(wait, channel.name)];
    await waiting;
    const waitingAgain = running(engine, "wait", 2);
    await expect(engine.run(breakDown, "never ends", { timeout: 50 })).rejects.toThrow(JobTimeoutError);
    await waitingAgain;
    channel.postMessage("go on");
    expect(await Promise.all(neighbours)).toEqual([1, 1]);
  });
});

describe("a broken job breaks only itself", () => {
  it("whatever it does, the next one runs", async () => {
    const engine = await startEngine();
    const ways: readonly [string, typeof JobError][] = [
      ["throws", JobError],
      ["rejects", JobError],
      ["exits", ThreadExitedError],
      ["returns a function", JobError],
    ];
    for (const [way, errorClass] of ways) {
      const broken = engine.run(breakDown, way);
      const next = engine.run(echo, way);
      await expect(broken, way).rejects.toThrow(errorClass);
      expect(await next).toBe(way);
    }
  });
});

describe("nothing polls", () => {
  it("an idle engine asks its storage nothing, whatever time passes", async () => {
    let calls = 0;
    const clock = manualClock();
    const storage = storageWith((memory) => {
      const counted = Object.entries(bound(memory)).map(([name, verb]) => [
        name,
        (...args: unknown[]) => {
          calls += 1;
          return (verb as (...args: unknown[]) => unknown)(...args);
        },
      ]);
      return Object.fromEntries(counted) as Partial<Storage>;
    });
    const local = defineJob({ name: "local", run: (n: number) => n });
    const engine = createTestEngine({ jobs: defineJobs({ jobs: [local] }), storage, clock });
    onTestFinished(async () => void (await engine.stop()));
    await engine.start();
    expect(await engine.run(local, 1)).toBe(1);
    // Soon after a job has finished, it is looked after how much is kept.
    await clock.advance(60_000);
    const callsWhenIdle = calls;
    await clock.advance(58 * 60_000);
    expect(calls).toBe(callsWhenIdle);
    // Finished jobs are kept for an hour; then one is due to be deleted.
    await clock.advance(2 * 60_000);
    expect(calls).toBeGreaterThan(callsWhenIdle);
  });
});

/** Names that have no place in a promise: it says what this project does, not what others do not. */
const OTHERS = /piscina|workerpool|tinypool|bullmq|bull\b|pg-boss|graphile|agenda|bree|celery|sidekiq|rabbitmq|kafka|temporal|resque/i;

describe("the promises", () => {
  it("speak of this project alone", () => {
    const readme = readDocument("README.md").text;
    const start = readme.indexOf("## What is promised");
    const promises = readme.slice(start, readme.indexOf("\n## ", start + 1));
    expect(promises.length).toBeGreaterThan(500);
    for (const text of [promises, readDocument("docs/guarantees.md").text]) expect(OTHERS.exec(text)?.[0]).toBeUndefined();
  });

  it("are explained one by one", () => {
    const readme = readDocument("README.md").text;
    const promised = [...readme.matchAll(/^\d\. \*\*(.+?)\.?\*\*/gm)].map(([, promise = ""]) => promise.toLowerCase().replaceAll(" ", "-"));
    expect(promised).toHaveLength(5);
    const explained = anchorsOf(readDocument("docs/guarantees.md"));
    for (const promise of promised) expect([...explained].some((anchor) => anchor.endsWith(promise)), promise).toBe(true);
  });
});
