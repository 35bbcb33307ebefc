/** Threads that cannot be made ready, or do not stay: never a hot loop, and healed by themselves. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ThreadPool, type ThreadPoolOptions } from "../../dist/src/dispatch/thread-pool.js";
import { idsOf, job, Scene, type Subject } from "../../dist/src/testing/pool-suite/scene.js";
import { jobsModule } from "./engines.js";

const supports = { ownThreads: true, killsBusyThreads: true, outlivesCrashes: true };

interface Boots {
  readonly subject: Subject;
  /** When each evaluation of the module began, so far. */
  readonly times: () => number[];
  readonly setMood: (mood: string) => void;
}

function newPool({ mood, threads = 8, ...options }: { readonly mood: string; readonly threads?: number } & Partial<ThreadPoolOptions>): Boots {
  const folder = mkdtempSync(join(tmpdir(), "millrace-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const env = { BOOTS: join(folder, "boots"), MOOD: join(folder, "mood") };
  writeFileSync(env.BOOTS, "");
  writeFileSync(env.MOOD, mood);
  const jobsUrl = jobsModule("booting.js").href;
  const scene = new Scene((plan) => new ThreadPool({ ...plan, jobsUrl, env, resourceLimits: null, maxHeapPerThread: null, execArgv: null, ...options }), supports);
  onTestFinished(() => scene.end());
  return {
    subject: scene.pool({ threads }),
    times: () => readFileSync(env.BOOTS, "utf8").trim().split("\n").filter((line) => line !== "").map(Number),
    setMood: (next) => writeFileSync(env.MOOD, next),
  };
}

/** The most boots in any 10 s. */
function mostInWindow(times: readonly number[]): number {
  return Math.max(0, ...times.map((start) => times.filter((at) => at >= start && at < start + 10_000).length));
}

function bootErrors({ ledger }: Subject, count: number): Promise<unknown> {
  return ledger.until(`${count} boot errors`, () => ledger.bootErrors[count - 1]);
}

async function allReady({ pool, ledger }: Subject): Promise<void> {
  await ledger.until("all lanes", () => (ledger.lanes.length === pool.threads ? true : undefined));
  expect(ledger.lanes.map(({ thread }) => thread).toSorted((a, b) => a - b)).toEqual(Array.from({ length: pool.threads }, (_, thread) => thread));
}

describe("a module", () => {
  it.each([
    ["throw", { threads: 8 }, /broken at load/],
    ["exit", { threads: 8 }, /code 3/],
    ["hang", { threads: 3, bootTimeoutMs: 2_000 }, /2000 ms/],
    ["loop", { threads: 3, bootTimeoutMs: 2_000 }, /2000 ms/],
  ] as const)("that does %s is tried 3 times at first, then one at a time; mended on disk it heals, all at once", async (...[mood, plan, message]) => {
    const { subject, times, setMood } = newPool({ mood, ...plan });
    await expect(subject.start()).rejects.toThrow(message);
    await bootErrors(subject, 4);
    expect(times().length).toBeLessThanOrEqual(4);
    setMood("live");
    await allReady(subject);
    const failed = times().slice(0, -plan.threads);
    expect(failed.length).toBeGreaterThan(2);
    expect(mostInWindow(failed)).toBeLessThanOrEqual(5);
    for (const lane of subject.ledger.lanes) await subject.run(lane, job("echo"));
  });

  it("whose state cannot be made at first is tried until it can", async () => {
    const { subject, times } = newPool({ mood: "fail 4 times" });
    await expect(subject.start()).rejects.toThrow(/no state yet/);
    await allReady(subject);
    expect(times()).toHaveLength(12);
    expect(subject.ledger.bootErrors).toHaveLength(4);
  });
});

describe("threads that do not stay", () => {
  it.each([
    ["leave", "it exited with code 5"],
    ["spoil", "nobody's error"],
  ])("though no job is to blame are not replaced in a hot loop: they %s", async (mood, reason) => {
    const { subject, times } = newPool({ mood, threads: 2 });
    const { ledger } = subject;
    const startedAt = Date.now();
    await subject.start();
    // What spoils a thread does not end it; whoever listens does.
    const strayed = ledger.strayed.bind(ledger);
    ledger.strayed = (lane, stray) => {
      strayed(lane, stray);
      lane.end();
    };
    await ledger.until("two more deaths", () => ledger.deaths[3]);
    const [{ death } = { death: undefined }] = ledger.deaths;
    expect(death).toMatchObject(mood === "leave" ? { cause: "exited", exitCode: 5, culprit: "nobody" } : { cause: "ended", culprit: null });
    expect(Date.now() - startedAt).toBeGreaterThan(3_000);
    expect(mostInWindow(times())).toBeLessThanOrEqual(5);
    const [error] = ledger.bootErrors;
    expect(error).toMatchObject({ code: "MILLRACE_JOBS_MODULE", cause: { message: reason } });
    expect(error?.message).toMatch(/^threads of queue "[^"]+" keep ending: /);
    expect(error?.message).toContain(reason);
  });

  it("for the fault of a job are replaced at once", async () => {
    const { subject, times } = newPool({ mood: "live", threads: 1 });
    await subject.start();
    const { ledger } = subject;
    const startedAt = Date.now();
    for (let round = 0; round < 8; round += 1) {
      const lane = await ledger.lane(0);
      const exit = job("exit", round);
      subject.send(lane, exit);
      const death = await ledger.death(lane);
      expect(death).toMatchObject({ cause: "exited", exitCode: round, started: idsOf([exit]), culprit: { id: exit.id, name: "exit" } });
    }
    await ledger.lane(0);
    expect(Date.now() - startedAt).toBeLessThan(8_000);
    expect(times()).toHaveLength(9);
    expect(ledger.bootErrors).toEqual([]);
  });
});

// Newer ones sometimes end the whole process instead, whatever started the thread.
it.runIf(process.versions.node.startsWith("20."))("a thread that runs out of heap says what it was allowed, and is replaced at once", async () => {
  const { subject } = newPool({ mood: "live", threads: 1, jobsUrl: jobsModule("hungry.js").href, resourceLimits: { maxOldGenerationSizeMb: 40 } });
  await subject.start();
  const { ledger } = subject;
  const lane = await ledger.lane(0);
  const eater = job("eat");
  subject.send(lane, eater, job("echo"));
  const death = await ledger.death(lane);
  expect(death).toMatchObject({ cause: "memory", started: [eater.id], error: { code: "ERR_WORKER_OUT_OF_MEMORY" }, heap: { limit: 40 * 2 ** 20 } });
  expect(death.heap?.used).toBeGreaterThan(2 ** 20);
  await subject.run(await ledger.lane(0), job("echo"));
  expect(ledger.bootErrors).toEqual([]);
});

describe("threads that fail before they load anything", () => {
  it("make start reject soon, and heal when the cause is gone", async () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const missing = join(folder, "preload.mjs");
    const { subject, times } = newPool({ mood: "live", threads: 4, execArgv: ["--import", missing] });
    const startedAt = Date.now();
    await expect(subject.start()).rejects.toThrow(/preload\.mjs/);
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    // The first three, and two more after Piscina has given up: nothing waits for the 30 s that a boot may take.
    await bootErrors(subject, 5);
    expect(Date.now() - startedAt).toBeLessThan(20_000);
    writeFileSync(missing, "");
    await allReady(subject);
    expect(times()).toHaveLength(4);
    for (const lane of subject.ledger.lanes) await subject.run(lane, job("echo"));
  });

  it("for want of memory are told so", async () => {
    const { subject } = newPool({ mood: "live", threads: 2, resourceLimits: { maxOldGenerationSizeMb: 4, maxYoungGenerationSizeMb: 1 } });
    await expect(subject.start()).rejects.toThrow(/memory|heap/i);
    await bootErrors(subject, subject.ledger.bootErrors.length + 1);
  });
});
