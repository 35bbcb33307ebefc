/** Jobs that do not come back: ended at their deadline, or when they are cancelled, and nobody beside them pays. */

import type { JobHandle } from "millrace";
import { linear } from "millrace/jobs";
import { describe, expect, it } from "vitest";
import { newPipe } from "../pipes.js";
import { check, type ExpectedExit, mustFail, type Row, type Stage } from "./check.js";
import { SABOTAGES } from "./sabotage.js";

const TIMEOUT = { timeout: 100, maxRetries: 0 };

let read = 0;

/** The line of the loop. A thread that is not given the time to tell it is ended all the same. */
const THE_LINE: unknown = expect.toSatisfy((stuckAt: string | null) => {
  if (stuckAt !== null) read += 1;
  return stuckAt === null || stuckAt.includes("loops.js");
});

/** Where the thread is found to be stuck; `null`: no JavaScript holds it. */
const LOOPS: Readonly<Record<string, unknown>> = {
  "a busy loop": THE_LINE,
  "a regular expression": THE_LINE,
  "a sort that is never done": THE_LINE,
  "WebAssembly": THE_LINE,
  "Atomics.wait": THE_LINE,
  "a flood of microtasks": THE_LINE,
  "a flood of nextTick": THE_LINE,
  "a loop that catches everything": THE_LINE,
  "a promise that never settles": null,
};

const timeoutError = (stuckAt: unknown, runs = 1): object => ({ code: "MILLRACE_JOB_TIMEOUT", stuckAt, runs });
const deadline = (returned: number, stuckAt: unknown): ExpectedExit => ({ reason: "deadline", charged: true, returned, stuckAt });
/** Nobody knows who held the thread: of those that have a deadline, each runs again alone. */
const unread: Partial<Row> = { starts: 2, exits: [{ reason: "deadline", suspects: 1, returned: 2 }, deadline(0, THE_LINE)] };
const loop = (kind: string): Row => ({
  ...{ job: "loop", payload: kind, options: TIMEOUT, error: timeoutError(LOOPS[kind]), exits: [deadline(2, LOOPS[kind])] },
  unread,
});

describe("a job that goes on after its deadline", () => {
  it.each(Object.keys(LOOPS))("%s", async (kind) => {
    await check(loop(kind));
  });

  it("a busy loop, after a line of its log that is an object", async () => {
    await check({ ...loop("a busy loop"), job: "speak and loop", payload: "an object" });
  });

  it("a promise that never settles, while a neighbour is in the middle of a computation", async () => {
    let neighbour: JobHandle | undefined;
    const compute = async (_: JobHandle, { engine }: Stage): Promise<void> => {
      neighbour = await engine.enqueue("compute", 200, { maxRetries: 0 });
    };
    await check({ ...loop("a promise that never settles"), meanwhile: compute, unread: {} }, { concurrency: 4, engine: { grace: 20 } });
    expect(await neighbour?.result()).toBe("computed");
    expect(await neighbour?.info()).toMatchObject({ attempt: 1 });
  });

  it("is shown where it was", () => {
    // Of eight, at least some, on the slowest of machines.
    expect(read).toBeGreaterThan(0);
  });

  it("a flood of setImmediate, which lets others run", async () => {
    // Whether it is just running when it is looked at is up to chance.
    const anywhere: unknown = expect.toSatisfy(() => true);
    await check({ ...loop("a busy loop"), payload: "a flood of setImmediate", error: timeoutError(anywhere), exits: [deadline(2, anywhere)] });
  });

  it("as often as its retries allow", async () => {
    const options = { timeout: 100, maxRetries: 1, backoff: linear(0) };
    const exits = [deadline(0, THE_LINE), deadline(0, THE_LINE)];
    await check({ ...loop("a busy loop"), options, attempt: 2, error: timeoutError(THE_LINE, 2), exits, unread: {} }, { concurrency: 1 });
  });
});

describe("a job that goes on after it was cancelled", () => {
  it.each(["a busy loop", "a promise that never settles"])("%s", async (kind) => {
    await check({
      ...{ job: "loop", payload: kind, options: { maxRetries: 3 } },
      ...{ state: "cancelled", error: { code: "MILLRACE_JOB_CANCELLED" } },
      exits: [{ reason: "cancel", charged: true, returned: 2, stuckAt: LOOPS[kind] }],
      meanwhile: async (job, { events, until }) => {
        await until(() => events.find(({ name, event }) => name === "log" && event.id === job.id));
        expect(await job.cancel()).toBe("cancelling");
      },
    });
  });
});

function native(kind: string): Row {
  return {
    ...{ job: "native", payload: { kind, path: newPipe() }, options: TIMEOUT },
    ...{ error: timeoutError(null), leaks: 1 },
    exits: [{ reason: "deadline", charged: true, returned: 0, stuckAt: null }],
  };
}

describe("a job inside a native call that does not return", () => {
  it.each(["execSync", "a pipe that nobody writes"])("%s: its thread is given up", async (kind) => {
    await check(native(kind), { concurrency: 1 });
  });

  it("beside others: nobody can be asked whose call it is, so who passed the deadline runs again alone", async () => {
    const exits: ExpectedExit[] = [
      { reason: "deadline", suspects: 1, returned: 2 },
      { reason: "deadline", charged: true },
    ];
    await check({ ...native("a pipe that nobody writes"), starts: 2, leaks: 2, exits });
  });
});

/** A listener of an event holds the main thread until long after the deadline. */
function holdMain(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe("a deadline that passes while the main thread is busy", () => {
  it("does not matter to who ended in time", async () => {
    await check({ job: "quick", options: { timeout: 1_000, maxRetries: 0 }, result: "in time", meanwhile: () => holdMain(1_500) });
  });

  it("ends who did not, and nobody else", async () => {
    await check({ ...loop("a busy loop"), meanwhile: () => holdMain(500) });
  });
});

describe("control", () => {
  it.each(["neighbours pay", "nobody pays"] as const)("%s", async (name) => {
    await mustFail(loop("a busy loop"), { sabotage: SABOTAGES[name] });
  });

  it("culprits are forgotten", async () => {
    // As if no stack could be read: it would be told nothing, and be run once too often.
    await mustFail({ ...loop("a regular expression"), unread: {} }, { sabotage: SABOTAGES["culprits are forgotten"] });
  });

  it("leaks are hidden", async () => {
    await mustFail(native("a pipe that nobody writes"), { concurrency: 1, sabotage: SABOTAGES["leaks are hidden"] });
  });
});
