/** `every` and `schedules`. */

import { describe, expect, it } from "vitest";
import { defineJob, type Job } from "../../src/jobs.js";
import { manualClock } from "../../src/testing/manual-clock.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { deferred } from "../../src/waiting.js";
import { newEngine, nextEvent, startEngine } from "./engines.js";
import { startTestEngine, type TestSetup } from "./test-engines.js";

const MINUTE = 60_000;
const tick: Job<string, string, unknown> = defineJob({ name: "tick", queue: "ticks", run: (text: string) => text });

/** When jobs are enqueued from now on, in ms from now. */
function ticksOf({ engine, clock }: TestSetup): number[] {
  const startedAt = clock.now();
  const ticks: number[] = [];
  engine.on("enqueued", () => ticks.push(clock.now() - startedAt));
  return ticks;
}

describe("every", () => {
  it("enqueues the job at once and then at a fixed rate, without drift", async () => {
    const setup = await startTestEngine([tick]);
    const { engine, clock } = setup;
    const ticks = ticksOf(setup);
    const schedule = await engine.every("1m", tick, "hello", { meta: { a: "b" }, priority: 2 });
    expect(schedule).toMatchObject({ name: "tick" });
    expect(Object.keys(schedule).toSorted()).toEqual(["cancel", "name", "nextAt"]);
    for (let step = 0; step < 10; step += 1) await clock.advance(MINUTE / 2 - 7 + step);
    await clock.advance(25);
    expect(ticks).toEqual([0, 1, 2, 3, 4, 5].map((n) => n * MINUTE).filter((at) => at <= 5 * MINUTE));
    const { jobs } = await engine.list();
    expect(jobs[0]).toMatchObject({ name: "tick", queue: "ticks", state: "completed", meta: { a: "b" }, priority: 2 });
    expect(await engine.job(jobs[0]!.id).result()).toBe("hello");
  });

  it("makes one tick of what was missed in a stall", async () => {
    const setup = await startTestEngine([tick]);
    const { engine, clock } = setup;
    const ticks = ticksOf(setup);
    await engine.every(MINUTE, tick, "hello");
    await clock.settle();
    clock.jump(10 * MINUTE + 5);
    await clock.advance(MINUTE);
    expect(ticks).toEqual([0, 11 * MINUTE + 5]);
    await clock.advance(MINUTE);
    // On the old grid again.
    expect(ticks).toEqual([0, 11 * MINUTE + 5, 12 * MINUTE]);
  });

  it("makes one tick of what was missed while the process was down", async () => {
    const storage = memoryStorage();
    const first = await startTestEngine([tick], { storage });
    // The storage lives as long as somebody has it open.
    await storage.open();
    await first.engine.every(MINUTE, tick, "hello");
    await first.clock.settle();
    await first.engine.stop();
    const clock = manualClock({ startAt: first.clock.now() + 10 * MINUTE + 5 });
    const { engine } = await startTestEngine([tick], { storage, clock });
    await clock.advance(MINUTE - 6);
    expect((await engine.list()).jobs).toHaveLength(2);
    await clock.advance(1);
    expect((await engine.list()).jobs).toHaveLength(3);
  });

  it("replaces the schedule of the same name, which is the job's unless given", async () => {
    const { engine, clock } = await startTestEngine([tick]);
    await engine.every(MINUTE, tick, "one");
    await engine.every("1h", tick, "two", { name: "hourly", queue: "other" });
    expect(await engine.schedules()).toEqual([
      { name: "tick", everyMs: MINUTE, nextAt: expect.any(Number) as number, job: "tick", queue: "ticks" },
      { name: "hourly", everyMs: 60 * MINUTE, nextAt: expect.any(Number) as number, job: "tick", queue: "other" },
    ]);
    await clock.settle();
    await engine.every(2 * MINUTE, tick, "three");
    await clock.settle();
    expect((await engine.schedules()).find(({ name }) => name === "tick")?.everyMs).toBe(2 * MINUTE);
    const { jobs } = await engine.list();
    const results = await Promise.all(jobs.map(({ id }) => engine.job(id).result()));
    expect(results.toSorted()).toEqual(["one", "three", "two"]);
  });

  it("keeps its rhythm when it is declared again, as at each start of a server", async () => {
    const setup = await startTestEngine([tick]);
    const { engine, clock } = setup;
    const ticks = ticksOf(setup);
    await engine.every(MINUTE, tick, "hello");
    await clock.advance(MINUTE / 2);
    const again = await engine.every(MINUTE, tick, "changed");
    expect(again.nextAt - clock.now()).toBe(MINUTE / 2);
    await clock.advance(MINUTE);
    expect(ticks).toEqual([0, MINUTE]);
    const { jobs } = await engine.list();
    expect(await engine.job(jobs[1]!.id).result()).toBe("changed");
  });

  it("ends when it is cancelled; what is enqueued stays", async () => {
    const setup = await startTestEngine([tick]);
    const { engine, clock } = setup;
    const schedule = await engine.every(MINUTE, tick, "hello");
    await clock.advance(MINUTE);
    await schedule.cancel();
    await schedule.cancel();
    expect(await engine.schedules()).toEqual([]);
    await clock.advance(10 * MINUTE);
    expect((await engine.list()).jobs).toHaveLength(2);
  });
});

describe("overlap", () => {
  it("allow enqueues another job while one runs, skip does not", async () => {
    const gates = { allow: deferred(), skip: deferred() };
    const slow = defineJob({ name: "slow", run: (how: "allow" | "skip") => gates[how].promise });
    const { engine, clock } = await startTestEngine([slow], { queues: { default: { threads: 1, concurrency: 20 } } });
    await engine.every(MINUTE, slow, "skip", { name: "skipping", overlap: "skip", meta: { how: "skip" } });
    await engine.every(MINUTE, slow, "allow", { name: "allowing", meta: { how: "allow" } });
    const count = async (how: string): Promise<number> => (await engine.list()).jobs.filter(({ meta }) => meta["how"] === how).length;
    await clock.advance(3 * MINUTE);
    expect([await count("skip"), await count("allow")]).toEqual([1, 4]);
    gates.skip.resolve();
    await clock.advance(MINUTE);
    expect([await count("skip"), await count("allow")]).toEqual([2, 5]);
    gates.allow.resolve();
    await clock.settle();
  });
});

describe("an engine that is not started", () => {
  it("stores schedules and lists them, but only a started one ticks", async () => {
    const storage = memoryStorage();
    const client = newEngine({ storage });
    await client.every("1h", "echo", { a: 1 }, { name: "hourly" });
    expect(await client.schedules()).toMatchObject([{ name: "hourly", everyMs: 3_600_000, job: "echo", queue: "default" }]);
    expect((await client.list()).jobs).toEqual([]);
    const engine = newEngine({ storage });
    const enqueued = nextEvent(engine, "enqueued");
    await engine.start();
    expect(await engine.job((await enqueued).id).result()).toEqual({ a: 1 });
  });

  it("cannot cancel one once it is stopped", async () => {
    const storage = memoryStorage();
    const [client, other] = [newEngine({ storage }), newEngine({ storage })];
    const schedule = await client.every("1h", "echo", 1);
    await client.stop();
    await expect(schedule.cancel()).rejects.toMatchObject({ code: "MILLRACE_ENGINE_STOPPED" });
    expect(await other.schedules()).toHaveLength(1);
  });

  it("hands new schedules to the engine that is started", async () => {
    const storage = memoryStorage();
    const engine = await startEngine({ storage });
    const enqueued = nextEvent(engine, "enqueued");
    const client = newEngine({ storage });
    await client.every("1h", "echo", "from afar");
    expect(await client.job((await enqueued).id).result()).toBe("from afar");
  });
});
