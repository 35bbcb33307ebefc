/** Jobs that do not come back: ended at their deadline, or when they are cancelled, and nobody beside them pays. */

import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linear } from "millrace/jobs";
import { describe, expect, it, onTestFinished } from "vitest";
import { check, type ExpectedExit, mustFail, type Row, type Told } from "./check.js";
import { SABOTAGES } from "./sabotage.js";

const text = (part: string): string => expect.stringContaining(part) as string;
const TIMEOUT = { timeout: 100, maxRetries: 0 };

/** Where the thread is found to be stuck; `null`: no JavaScript holds it. */
const LOOPS: Readonly<Record<string, string | null>> = {
  "a busy loop": text("loops.js"),
  "a regular expression": text("loops.js"),
  "a sort that is never done": text("loops.js"),
  "WebAssembly": text("loops.js"),
  "Atomics.wait": text("loops.js"),
  "a flood of microtasks": text("loops.js"),
  "a flood of nextTick": text("loops.js"),
  "a loop that catches everything": text("loops.js"),
  "a promise that never settles": null,
};

const timeoutError = (stuckAt: unknown, runs = 1): Row["error"] => ({ code: "MILLRACE_JOB_TIMEOUT", stuckAt, runs });
const deadline = (returned: number, stuckAt: unknown): ExpectedExit => ({ reason: "deadline", charged: true, returned, stuckAt });
const loop = (kind: string, stuckAt: unknown): Row => ({
  ...{ job: "loop", payload: kind, options: TIMEOUT },
  ...{ error: timeoutError(stuckAt), exits: [deadline(2, stuckAt)] },
});

describe("a job that goes on after its deadline", () => {
  it.each(Object.entries(LOOPS))("%s", async (kind, stuckAt) => {
    await check(loop(kind, stuckAt));
  });

  it("a flood of setImmediate, which lets others run", async () => {
    // Whether it is just running when it is looked at is up to chance.
    const { stuckAt: _, ...exit } = deadline(2, null);
    await check({ ...loop("a flood of setImmediate", expect.toSatisfy(() => true)), exits: [exit] });
  });

  it("as often as its retries allow", async () => {
    const stuckAt = LOOPS["a busy loop"];
    const row: Row = { ...loop("a busy loop", stuckAt), options: { timeout: 100, maxRetries: 1, backoff: linear(0) } };
    await check({ ...row, attempt: 2, error: timeoutError(stuckAt, 2), exits: [deadline(0, stuckAt), deadline(0, stuckAt)] }, { concurrency: 1 });
  });
});

describe("a job that goes on after it was cancelled", () => {
  it.each(["a busy loop", "a promise that never settles"])("%s", async (kind) => {
    await check({
      ...{ job: "loop", payload: kind, options: { maxRetries: 3 } },
      ...{ state: "cancelled", error: { code: "MILLRACE_JOB_CANCELLED" } },
      exits: [{ reason: "cancel", charged: true, returned: 2, stuckAt: LOOPS[kind] }],
      meanwhile: (job) => job.cancel(),
    });
  });
});

/** A named pipe that nobody writes to. Its reader is let go when the test is over: a process cannot end before. */
function newPipe(): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-"));
  const path = join(folder, "pipe");
  execFileSync("mkfifo", [path]);
  onTestFinished(() => {
    try {
      closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
    } catch {
      // Nobody reads it any more.
    }
    rmSync(folder, { recursive: true });
  });
  return path;
}

async function expectLeak(engine: Parameters<NonNullable<Row["then"]>>[0], events: readonly Told[]): Promise<void> {
  expect(events.filter(({ name }) => name === "thread:leaked").map(({ event }) => event)).toEqual([{ queue: "default", thread: 0 }]);
  expect((await engine.stats()).queues["default"]).toMatchObject({ leakedThreads: 1, threads: expect.any(Number) as number });
}

function native(kind: string): Row {
  return {
    ...{ job: "native", payload: { kind, path: newPipe() }, options: TIMEOUT },
    ...{ error: timeoutError(null), then: expectLeak },
    exits: [{ reason: "deadline", charged: true, returned: 0, stuckAt: null }],
  };
}

describe("a job inside a native call that does not return", () => {
  it.each(["execSync", "a pipe that nobody writes"])("%s: its thread is given up", async (kind) => {
    await check(native(kind), { concurrency: 1 });
  });

  /** Nobody can tell whose call it is: no JavaScript can be asked. */
  it("beside others: who passed the deadline is charged", async () => {
    await check({ ...native("a pipe that nobody writes"), starts: 2, exits: [{ reason: "deadline", suspects: 3 }, { reason: "deadline", charged: true }] });
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
    await check({ ...loop("a busy loop", LOOPS["a busy loop"]), meanwhile: () => holdMain(500) });
  });
});

describe("control", () => {
  it.each(["neighbours pay", "nobody pays"] as const)("%s", async (name) => {
    await mustFail(loop("a busy loop", LOOPS["a busy loop"]), { sabotage: SABOTAGES[name] });
  });

  it("culprits are forgotten", async () => {
    await mustFail(loop("a regular expression", LOOPS["a regular expression"]), { sabotage: SABOTAGES["culprits are forgotten"] });
  });

  it("leaks are hidden", async () => {
    await mustFail(native("a pipe that nobody writes"), { concurrency: 1, sabotage: SABOTAGES["leaks are hidden"] });
  });
});
