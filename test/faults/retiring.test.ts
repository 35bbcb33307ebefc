/** A thread that is to be replaced, with a neighbour on it that does not end: nobody else waits for that one. */

import { describe, expect, it, onTestFinished } from "vitest";
import { newGate, open } from "../integration/gates.js";
import { openStage, type Stage } from "./check.js";

type Queue = Parameters<typeof openStage>[0];

/** A stage with a job on its only thread that goes on until its gate opens. */
async function withNeighbour(options: Queue): Promise<{ readonly stage: Stage; readonly finish: () => Promise<void> }> {
  const stage = await openStage(options);
  onTestFinished(async () => void (await stage.engine.stop({ timeout: 0 })));
  const gate = newGate();
  const { engine, events, until } = stage;
  const neighbour = await engine.enqueue("wait", gate, { maxRetries: 0 });
  await until(() => events.find(({ name, event }) => name === "log" && event.id === neighbour.id && event.message === "waiting"));
  const finish = async (): Promise<void> => {
    expect((await neighbour.info())?.state).toBe("running");
    open(gate);
    expect(await neighbour.result()).toBe(1);
    await until(() => events.find(({ name }) => name === "thread:exited"));
    expect(events.filter(({ name }) => name === "thread:exited")).toMatchObject([{ event: { reason: "retired", exitCode: 0, charged: [], suspects: [], returned: [] } }]);
    expect(await engine.run("echo", "last")).toBe("last");
    expect((await engine.stats()).queues["default"]).toMatchObject({ threads: 1, healthy: true, leakedThreads: 0 });
  };
  return { stage, finish };
}

describe("a neighbour that does not end", () => {
  it("keeps nobody waiting after code that a job left behind has failed", async () => {
    const { stage, finish } = await withNeighbour({ concurrency: 4 });
    const { engine, events, until } = stage;
    expect(await engine.run("late", "a timer that throws")).toBe("done");
    await until(() => events.find(({ name }) => name === "late-error"));
    for (let index = 0; index < 5; index += 1) expect(await engine.run("echo", index)).toBe(index);
    expect((await engine.stats()).queues["default"]).toMatchObject({ threads: 1, healthy: true });
    await finish();
  });

  it("keeps nobody waiting when its thread has run as many jobs as it may", async () => {
    const { stage, finish } = await withNeighbour({ concurrency: 2, queue: { maxJobsPerThread: 3 } });
    for (let index = 0; index < 3; index += 1) expect(await stage.engine.run("echo", index)).toBe(index);
    await finish();
  });
});
