/** Jobs that end their thread, or leave behind what does or fails: the ones beside them run again, and pay nothing. */

import { linear } from "millrace/jobs";
import { describe, expect, it, onTestFinished } from "vitest";
import { newGate, open } from "../integration/gates.js";
import { check, type ExpectedExit, mustFail, openStage, type Row, type Stage, type StageOptions } from "./check.js";
import { SABOTAGES } from "./sabotage.js";

const LATE = [
  "a timer that throws",
  "a promise that rejects",
  "an async function that nobody awaits",
  "a callback of the file system that throws",
  "an emitter without a listener",
];

const lateRow = (kind: string): Row => ({
  ...{ job: "late", payload: kind, result: "done" },
  late: { name: "late", attempt: 1, error: { name: "RangeError", message: "late" } },
  exits: [{ reason: "retired", exitCode: 0 }],
});

describe("a job that leaves behind", () => {
  it.each(LATE)("%s", async (kind) => {
    await check(lateRow(kind));
  });

  it.each(LATE)("%s: with nobody beside it", async (kind) => {
    await check(lateRow(kind), { concurrency: 1 });
  });
});

async function opened(options: StageOptions): Promise<Stage> {
  const stage = await openStage(options);
  onTestFinished(async () => void (await stage.engine.stop({ timeout: 0 })));
  return stage;
}

const linesOf = ({ events }: Stage): readonly string[] => events.flatMap(({ name, event }) => (name === "log" ? [event.message] : []));

describe("code that a run has left behind", () => {
  it("neither speaks nor listens as the run that came after it", async () => {
    const stage = await opened({ concurrency: 1 });
    expect(await stage.engine.run("speak late", null)).toBe("done");
    const next = await stage.engine.enqueue("call what was left behind", null);
    expect(await next.result()).toEqual({ cancelled: true, aborted: true, thrown: "MILLRACE_JOB_CANCELLED" });
    expect(await next.info()).toMatchObject({ progress: null });
    expect(linesOf(stage)).toEqual([]);
  });

  it("does not speak as the retry that runs elsewhere", async () => {
    const stage = await opened({ concurrency: 1, queue: { threads: 2 }, engine: { grace: 20_000 } });
    const gate = newGate();
    const ghost = await stage.engine.enqueue("ghost", gate, { maxRetries: 1, backoff: linear(0) });
    await stage.until(() => (linesOf(stage).includes("run 2") ? true : undefined));
    open(`${gate} 1`);
    // Its thread is ended after it, and all it had said was heard before.
    await stage.until(() => stage.events.find(({ name }) => name === "thread:exited"));
    expect(await ghost.info()).toMatchObject({ progress: null });
    open(`${gate} 2`);
    expect(await ghost.result()).toBe(2);
    expect(linesOf(stage)).toEqual(["run 1", "run 2", "end of run 2"]);
    expect(await ghost.info()).toMatchObject({ progress: 0.2 });
  });
});

const exitError = (exitCode: number, runs = 1): Row["error"] => ({ code: "MILLRACE_THREAD_EXITED", exitCode, runs });
const exit = (exitCode: number, more: Partial<ExpectedExit> = {}): ExpectedExit => ({ reason: "exit", exitCode, charged: true, returned: 2, ...more });

const EXITS: readonly (readonly [title: string, row: Row])[] = [
  ["0", { job: "exit", payload: 0, error: exitError(0), exits: [exit(0)] }],
  ["7", { job: "exit", payload: 7, error: exitError(7), exits: [exit(7)] }],
  ["7, after an await", { job: "exit after an await", payload: 7, error: exitError(7), exits: [exit(7)] }],
  [
    "from a timer after its end",
    {
      ...{ job: "exit after its end", payload: 7, result: "done", exits: [exit(7, { charged: false })] },
      late: { attempt: 1, error: { message: "code that the run had left behind ended its thread by process.exit with code 7, after the end of the run" } },
    },
  ],
];

describe("process.exit", () => {
  it.each(EXITS)("%s", async (_, row) => {
    await check(row);
  });

  it("with nobody beside it: who waits for the thread only waits", async () => {
    await check({ job: "exit", payload: 7, error: exitError(7), exits: [exit(7, { returned: 0 })] }, { concurrency: 1 });
  });

  it.each(["an object", "undefined", "a number", "a symbol", "a function"])("after a line of its log that is %s", async (kind) => {
    await check({
      ...{ job: "speak and exit", payload: kind, error: exitError(7), exits: [exit(7)] },
      then: (_, events) => {
        for (const { name, event } of events) if (name === "log") expect(event.message).toBeTypeOf("string");
      },
    });
  });

  it("as often as its retries allow", async () => {
    const options = { maxRetries: 2, backoff: linear(0) };
    const row: Row = { job: "exit", payload: 7, options, attempt: 3, error: exitError(7, 3) };
    await check({ ...row, exits: [{}, {}, {}].map(() => ({ reason: "exit", exitCode: 7, charged: true, returned: 0 })) }, { concurrency: 1 });
  });
});

describe("process.reallyExit, which nobody can foresee", () => {
  const error = exitError(5);

  it("with nobody beside it is charged at once", async () => {
    await check({ job: "really exit", payload: 5, error, exits: [exit(5, { returned: 0 })] }, { concurrency: 1 });
  });

  it("with others beside it makes all of them suspects, and is charged when it does so alone", async () => {
    const exits: ExpectedExit[] = [
      { reason: "exit", exitCode: 5, suspects: 3 },
      { reason: "exit", exitCode: 5, charged: true },
    ];
    await check({ job: "really exit", payload: 5, error, exits, starts: 2 });
  });
});

describe("control", () => {
  it.each(["late errors hit who runs", "late errors vanish"] as const)("%s", async (name) => {
    await mustFail(lateRow("a timer that throws"), { sabotage: SABOTAGES[name] });
  });

  it.each(["neighbours pay", "nobody pays", "culprits are forgotten"] as const)("%s", async (name) => {
    await mustFail({ job: "exit", payload: 7, error: exitError(7), exits: [exit(7)] }, { sabotage: SABOTAGES[name] });
  });
});
