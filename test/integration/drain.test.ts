/** Waiting until queues are empty. */

import { EngineStoppedError } from "millrace";
import { linear } from "millrace/jobs";
import { describe, expect, it } from "vitest";
import { nextEvent, rejection, said, startEngine } from "./engines.js";
import { newGate, open } from "./gates.js";

/** Whether a promise has settled by the time everything that is under way has been told. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = (): void => void (settled = true);
  promise.then(note, note);
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe("drain", () => {
  it("resolves at once when there is nothing to wait for", async () => {
    const engine = await startEngine();
    await engine.drain();
    await engine.drain({ queues: [] });
    await engine.drain({ queues: ["unknown"] });
  });

  it("waits for what waits, runs and is to be retried, and for what these enqueue", async () => {
    const engine = await startEngine();
    const gate = newGate();
    const running = await engine.enqueue("wait", gate);
    await said(engine, running.id, "waiting");
    const retrying = await engine.enqueue("failing", 1, { backoff: linear(20) });
    const parent = await engine.enqueue("enqueuing", { job: "enqueuing", payload: { job: "echo", payload: 1 } });
    const drained = engine.drain();
    expect(await isSettled(drained)).toBe(false);
    open(gate);
    await drained;
    const states = (await engine.list()).jobs.map(({ state }) => state);
    expect(states).toEqual(["completed", "completed", "completed", "completed", "completed"]);
    expect(await retrying.result()).toBe(2);
    await parent.result();
  });

  it("counts calls that are not stored yet", async () => {
    const engine = await startEngine();
    const enqueued = engine.enqueue("echo", 1);
    await engine.drain();
    expect((await (await enqueued).info())?.state).toBe("completed");
  });

  it("does not wait for scheduled jobs and unknown names, nor for queues that are paused or have no threads", async () => {
    const engine = await startEngine({ queues: { default: { threads: 1 }, none: { threads: 0 }, paused: { threads: 1 } } });
    await engine.pause("paused");
    await engine.enqueue("echo", 1, { delay: "1h" });
    await engine.enqueue("nobody knows", 1);
    await engine.enqueue("echo", 1, { queue: "none" });
    await engine.enqueue("echo", 1, { queue: "paused" });
    const snoozed = await engine.enqueue("snooze", "1h");
    await engine.drain();
    expect((await engine.list()).jobs.map(({ state }) => state)).toEqual(["scheduled", "waiting", "waiting", "waiting", "scheduled"]);
    expect((await snoozed.info())?.attempt).toBe(0);
  });

  it("waits for the named queues only", async () => {
    const engine = await startEngine({ queues: { busy: { threads: 1 }, other: { threads: 1 } } });
    const gate = newGate();
    const busy = await engine.enqueue("wait", gate, { queue: "busy" });
    await said(engine, busy.id, "waiting");
    await engine.enqueue("echo", 1, { queue: "other" });
    await engine.drain({ queues: ["other"] });
    expect((await engine.stats()).queues["other"]?.completed).toBe(1);
    const all = engine.drain();
    const named = engine.drain({ queues: ["busy", "other"] });
    expect(await isSettled(Promise.race([all, named]))).toBe(false);
    open(gate);
    await Promise.all([all, named]);
  });

  it("ends when what it waits for is cancelled, removed, paused or dead", async () => {
    const engine = await startEngine();
    await engine.pause("default");
    const [first, second] = await engine.enqueueMany("failing", [1, 1], { backoff: linear("1h") });
    await engine.resume("default");
    await nextEvent(engine, "retrying", ({ id }) => id === second?.id);
    const drained = engine.drain();
    expect(await isSettled(drained)).toBe(false);
    await first?.cancel();
    expect(await isSettled(drained)).toBe(false);
    await engine.remove(second!.id);
    await drained;
    await engine.enqueue("hopeless", "no");
    await engine.drain();
    const third = await engine.enqueue("failing", 1, { backoff: linear("1h") });
    await nextEvent(engine, "retrying");
    const paused = engine.drain();
    expect(await isSettled(paused)).toBe(false);
    await engine.pause("default");
    await paused;
    await third.cancel();
  });

  it("gives up after its timeout, or when its signal aborts", async () => {
    const engine = await startEngine();
    const gate = newGate();
    const job = await engine.enqueue("wait", gate);
    await said(engine, job.id, "waiting");
    expect(await rejection(engine.drain({ timeout: 10 }))).toMatchObject({ name: "TimeoutError" });
    const controller = new AbortController();
    const reason = new Error("enough");
    const drained = rejection(engine.drain({ signal: controller.signal }));
    controller.abort(reason);
    expect(await drained).toBe(reason);
    expect(await rejection(engine.drain({ signal: controller.signal }))).toBe(reason);
    open(gate);
    await engine.drain({ timeout: "30s" });
  });

  it("rejects when the engine stops, and afterwards", async () => {
    const engine = await startEngine();
    await engine.enqueue("wait", newGate());
    const drained = rejection(engine.drain());
    expect(await isSettled(drained)).toBe(false);
    await engine.stop({ timeout: 0 });
    expect(await drained).toBeInstanceOf(EngineStoppedError);
    await expect(engine.drain()).rejects.toBeInstanceOf(EngineStoppedError);
  });
});
