/** Schedules in a file outlive whoever made them: each stays one, goes on along its grid, and is gone once it was cancelled. */

import type { Storage } from "millrace";
import { sqliteStorage } from "millrace/sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Clock } from "../../src/clock.js";
import type { Engine } from "../../src/engine.js";
import { defineJob, defineJobs, type Job } from "../../src/jobs.js";
import { manualClock, type ManualClock } from "../../src/testing/manual-clock.js";
import { createTestEngine } from "../../src/testing/test-engine.js";
import { newFile } from "../sqlite-files.js";
import { kill, newClient, startOwner } from "./sqlite-owners.js";

const MINUTE = 60_000;
const tick: Job<string, string, unknown> = defineJob({ name: "tick", queue: "ticks", run: (text: string) => text });

/** A process, as far as the file can tell: it has opened it, and closes it when it ends. */
interface Life {
  readonly engine: Engine;
  readonly clock: ManualClock;
  /** When jobs were enqueued here, in ms since the epoch. */
  readonly ticks: number[];
  /** Lets time go on, and all that the storage is asked meanwhile be answered. */
  readonly pass: (ms: number) => Promise<void>;
  readonly end: () => Promise<void>;
}

function newLife(path: string, startAt?: number): Life {
  const { clock, nextIn } = watched(manualClock(startAt === undefined ? {} : { startAt }));
  const { storage, answered } = awaited(sqliteStorage({ path, durability: "relaxed" }));
  const engine = createTestEngine({ jobs: defineJobs({ jobs: [tick] }), queues: { ticks: { threads: 1 } }, storage, clock });
  const ticks: number[] = [];
  engine.on("enqueued", () => ticks.push(clock.now()));
  const settle = async (): Promise<void> => {
    do await clock.settle();
    while (await answered());
  };
  // From timer to timer, since this clock does not wait for what comes from a disk.
  const pass = async (ms: number): Promise<void> => {
    const target = clock.monotonic() + ms;
    await settle();
    while (clock.monotonic() + nextIn() <= target) {
      await clock.advance(nextIn());
      await settle();
    }
    await clock.advance(target - clock.monotonic());
  };
  const end = async (): Promise<void> => void (await engine.stop());
  onTestFinished(end);
  return { engine, clock, ticks, pass, end };
}

async function startLife(path: string, startAt?: number): Promise<Life> {
  const life = newLife(path, startAt);
  await life.engine.start();
  return life;
}

/** `nextIn` says in how many ms the next timer is due. */
function watched(inner: ManualClock): { readonly clock: ManualClock; readonly nextIn: () => number } {
  const dueAt = new Set<{ readonly at: number }>();
  const setTimer: Clock["setTimer"] = (delayMs, fire) => {
    const entry = { at: inner.monotonic() + Math.max(delayMs, 0) };
    dueAt.add(entry);
    const timer = inner.setTimer(delayMs, () => {
      dueAt.delete(entry);
      fire();
    });
    const cancel = (): void => {
      dueAt.delete(entry);
      timer.cancel();
    };
    return { cancel };
  };
  const nextIn = (): number => Math.min(...[...dueAt].map(({ at }) => at)) - inner.monotonic();
  return { clock: { ...inner, setTimer }, nextIn };
}

/** `answered` waits for the calls that are under way, and says whether there were any. */
function awaited(inner: Storage): { readonly storage: Storage; readonly answered: () => Promise<boolean> } {
  const underWay = new Set<unknown>();
  const storage = new Proxy(inner, {
    get(target, key) {
      const verb: unknown = Reflect.get(target, key);
      if (typeof verb !== "function") return verb;
      return (...args: unknown[]): unknown => {
        const answer: unknown = Reflect.apply(verb, target, args);
        if (answer instanceof Promise) {
          const noted: Promise<unknown> = answer.catch(() => undefined).then(() => underWay.delete(noted));
          underWay.add(noted);
        }
        return answer;
      };
    },
  });
  const answered = async (): Promise<boolean> => {
    const calls = [...underWay];
    await Promise.all(calls);
    return calls.length > 0;
  };
  return { storage, answered };
}

/** A file with one schedule, of a minute, whose owner has ended after its first tick. */
async function scheduledFile(): Promise<{ readonly path: string; readonly firstAt: number }> {
  const path = newFile();
  const { engine, ticks, pass, end } = await startLife(path);
  await engine.every(MINUTE, tick, "hello", { meta: { a: "b" } });
  await pass(0);
  await end();
  return { path, firstAt: ticks[0] ?? NaN };
}

describe("a schedule in a file", () => {
  it("is listed and goes on in the next life without being declared again", async () => {
    const { path, firstAt } = await scheduledFile();
    const { engine, ticks, pass } = await startLife(path, firstAt + MINUTE / 3);
    expect(await engine.schedules()).toEqual([{ name: "tick", everyMs: MINUTE, nextAt: firstAt + MINUTE, job: "tick", queue: "ticks" }]);
    await pass(3 * MINUTE);
    expect(ticks).toEqual([1, 2, 3].map((n) => firstAt + n * MINUTE));
    const { jobs } = await engine.list();
    expect(jobs).toHaveLength(4);
    expect(jobs.at(-1)).toMatchObject({ state: "completed", meta: { a: "b" } });
    expect(await engine.job(jobs.at(-1)!.id).result()).toBe("hello");
  });

  it("makes one tick of all that were missed while nobody ran, in every life", async () => {
    const { path, firstAt } = await scheduledFile();
    const downs = [1, 2, 3].map((life) => firstAt + life * 1_000 * MINUTE + 7_000);
    for (const [index, startAt] of downs.entries()) {
      const { engine, ticks, pass, end } = await startLife(path, startAt);
      await pass(2 * MINUTE);
      // One for what was missed, and then on the grid that the first life began.
      expect(ticks).toEqual([startAt, startAt - 7_000 + MINUTE, startAt - 7_000 + 2 * MINUTE]);
      expect((await engine.stats()).queues["ticks"]?.totals.enqueued).toBe(1 + 3 * (index + 1));
      await end();
    }
  });

  it("that is declared at every start stays one and keeps its rhythm", async () => {
    const { path, firstAt } = await scheduledFile();
    for (const life of [1, 2, 3]) {
      const { engine, ticks, pass, end } = await startLife(path, firstAt + life * MINUTE - 1_000);
      const { nextAt } = await engine.every(MINUTE, tick, `life ${life}`);
      expect(nextAt).toBe(firstAt + life * MINUTE);
      expect(await engine.schedules()).toHaveLength(1);
      await pass(2_000);
      expect(ticks).toEqual([firstAt + life * MINUTE]);
      const { jobs } = await engine.list();
      expect(jobs).toHaveLength(1 + life);
      expect(await engine.job(jobs.at(-1)!.id).result()).toBe(`life ${life}`);
      await end();
    }
  });

  it.each([true, false])("that is overdue when it is declared again ticks once (declared after the start: %s)", async (isAfter) => {
    const { path, firstAt } = await scheduledFile();
    for (const life of [1, 2, 3]) {
      const startAt = firstAt + life * 100 * MINUTE + 1_000;
      const { engine, ticks, pass, end } = newLife(path, startAt);
      if (isAfter) await engine.start();
      await engine.every(MINUTE, tick, "hello");
      if (!isAfter) await engine.start();
      await pass(30_000);
      expect(ticks).toEqual([startAt]);
      await pass(MINUTE);
      expect(ticks).toEqual([startAt, startAt - 1_000 + MINUTE]);
      await end();
    }
  });

  it("is changed by the same name with another interval", async () => {
    const { path, firstAt } = await scheduledFile();
    const startAt = firstAt + MINUTE / 2;
    const second = await startLife(path, startAt);
    await second.engine.every(3 * MINUTE, tick, "changed");
    await second.pass(MINUTE);
    await second.end();
    const { engine, ticks, pass } = await startLife(path, startAt + MINUTE);
    expect(await engine.schedules()).toEqual([{ name: "tick", everyMs: 3 * MINUTE, nextAt: startAt + 3 * MINUTE, job: "tick", queue: "ticks" }]);
    await pass(5 * MINUTE);
    expect([...second.ticks, ...ticks]).toEqual([startAt, startAt + 3 * MINUTE, startAt + 6 * MINUTE]);
    const { jobs } = await engine.list();
    expect(await Promise.all(jobs.map(({ id }) => engine.job(id).result()))).toEqual(["hello", "changed", "changed", "changed"]);
  });

  it("that was cancelled does not come back", async () => {
    const { path, firstAt } = await scheduledFile();
    const second = await startLife(path, firstAt + 1_000);
    await second.engine.every(MINUTE, tick, "stays", { name: "other" });
    await (await second.engine.every(MINUTE, tick, "goes")).cancel();
    await second.end();
    for (const life of [1, 2]) {
      const { engine, ticks, pass, end } = await startLife(path, firstAt + life * 10 * MINUTE);
      expect((await engine.schedules()).map(({ name }) => name)).toEqual(["other"]);
      await pass(2 * MINUTE);
      expect(ticks).toHaveLength(3);
      await end();
    }
    const client = newLife(path).engine;
    const { jobs } = await client.list();
    expect(await Promise.all(jobs.map(({ id }) => client.job(id).result()))).toEqual(["hello", ...new Array<string>(7).fill("stays")]);
  });
});

describe("a schedule whose owner is killed", () => {
  it("goes on in the next owner, with one tick for what was missed", async () => {
    const path = newFile();
    const owner = await startOwner(path);
    const client = newClient(path);
    const { nextAt: firstAt } = await client.every("1h", "tick", "hello", { queue: "ticks" });
    await expect.poll(async () => (await client.schedules())[0]?.nextAt, { timeout: 10_000 }).toBe(firstAt + 60 * MINUTE);
    await kill(owner);
    const startAt = firstAt + 1_000 * 60 * MINUTE - 1_000;
    const { engine, ticks, pass } = await startLife(path, startAt);
    expect(await engine.schedules()).toHaveLength(1);
    await pass(2_000);
    expect(ticks).toEqual([startAt, startAt + 1_000]);
    expect((await engine.list()).jobs.map(({ state }) => state)).toEqual(["completed", "completed", "completed"]);
  });

  it("has had no more jobs than periods, whenever that is", async () => {
    const path = newFile();
    const client = newClient(path);
    const { nextAt: firstAt } = await client.every(5, "echo", "hello");
    const enqueued = async (): Promise<number> => (await client.stats()).queues["default"]?.totals.enqueued ?? 0;
    for (let life = 0; life < 3; life += 1) {
      const before = await enqueued();
      const owner = await startOwner(path);
      await expect.poll(enqueued, { timeout: 10_000, interval: 5 }).toBeGreaterThan(before + 20);
      await kill(owner);
      const [schedule, ...others] = await client.schedules();
      expect(others).toEqual([]);
      // Each tick moved it on by one period, or by more where some were missed: no job came without that.
      const periods = ((schedule?.nextAt ?? NaN) - firstAt) / 5;
      expect(Number.isInteger(periods)).toBe(true);
      expect(await enqueued()).toBeLessThanOrEqual(periods);
    }
  });
});
