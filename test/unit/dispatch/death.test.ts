import { describe, expect, it } from "vitest";
import { deathOf, endReason, isDoubtful, type ThreadFacts } from "../../../src/dispatch/death.js";
import { FrameLane } from "../../../src/dispatch/lane.js";
import type { Death } from "../../../src/dispatch/pool.js";
import { ControlBlock } from "../../../src/protocol/control-block.js";
import { Ledger } from "../../../src/testing/pool-suite/ledger.js";

const ignore = (): void => undefined;
const run = { id: "job-1", name: "spin", attempt: 1, meta: {} };
const stuck = { stack: "    at spin (jobs.js:1:1)", culprit: run };
const plain: ThreadFacts = { wasOrderly: false, wasTerminated: true, exitCode: 1, error: null, stuck, heapLimit: 1_000 };

function newLane(): { readonly lane: FrameLane; readonly control: ControlBlock } {
  const control = new ControlBlock();
  const carrier = { post: ignore, retire: ignore, end: ignore, kill: ignore, busy: ignore };
  return { control, lane: new FrameLane({ thread: 0, names: [], control, carrier, listener: new Ledger() }) };
}

describe("the death of a lane", () => {
  it("tells where it was stuck and whose code that was, if it never answered the knock", () => {
    const { lane } = newLane();
    void lane.knock();
    expect(deathOf(lane, plain)).toEqual({
      ...{ cause: "killed", exitCode: 1, error: null, started: [], unstarted: [], culprit: run, wasDeaf: true, stuckAt: stuck.stack, heap: null },
    });
  });

  it("tells nothing of it if the thread heard the knock after all", async () => {
    const { lane, control } = newLane();
    const heard = lane.knock();
    control.hearStop();
    lane.receive({ kind: "heard" });
    await heard;
    expect(deathOf(lane, plain)).toMatchObject({ culprit: null, wasDeaf: false, stuckAt: null });
  });

  it("by its own doing is not deaf for having heard no knock, but is for having heard no wish to stop", () => {
    const { lane } = newLane();
    void lane.knock();
    expect(deathOf(lane, { ...plain, wasTerminated: false })).toMatchObject({ cause: "exited", wasDeaf: false, stuckAt: null });
  });

  it("is charged to who said that it exits, before anything the stack says", () => {
    const { lane } = newLane();
    void lane.knock();
    lane.receive({ kind: "exiting", run: null, code: 7 });
    expect(deathOf(lane, plain).culprit).toBe("nobody");
    lane.receive({ kind: "exiting", run: { ...run, id: "job-2" }, code: 7 });
    expect(deathOf(lane, plain)).toMatchObject({ culprit: { id: "job-2" } });
    // It was terminated on its way out, and not because it was stuck.
    expect(deathOf(lane, plain)).toMatchObject({ cause: "exited", exitCode: 7 });
  });

  it("for want of memory tells the limit, and what the heap held when it was last measured", () => {
    const { lane, control } = newLane();
    control.setHeapUsed(900);
    const error = Object.assign(new Error("out"), { code: "ERR_WORKER_OUT_OF_MEMORY" });
    expect(deathOf(lane, { ...plain, error })).toMatchObject({ cause: "memory", error, heap: { limit: 1_000, used: 900 } });
  });

  it("as it was told to has the exit code 0, and the error of dispose", () => {
    const { lane } = newLane();
    const error = new RangeError("dispose broke");
    expect(deathOf(lane, { ...plain, wasOrderly: true, error })).toMatchObject({ cause: "ended", exitCode: 0, error, wasDeaf: false });
  });
});

const death: Death = { cause: "exited", exitCode: 0, error: null, started: [], unstarted: [], culprit: null, wasDeaf: false, stuckAt: null, heap: null };

describe("the reason of an end that is no job's fault", () => {
  const trouble = new RangeError("nobody's error");
  const error = new RangeError("thrown");

  it.each<readonly [string, Partial<Death>, Error | null, string]>([
    ["ended for an error of no job", { cause: "ended" }, trouble, "nobody's error"],
    ["ended for an error of no job, and dispose failed", { cause: "ended", error }, trouble, "nobody's error"],
    ["killed, since it would not end for an error of no job", { cause: "killed", exitCode: 1 }, trouble, "nobody's error"],
    ["killed in code of no job", { cause: "killed", exitCode: 1 }, null, "code of no job held it"],
    ["exited", { exitCode: 6 }, null, "it exited with code 6"],
    ["exited after an error of no job", { exitCode: 6 }, trouble, "it exited with code 6"],
    ["out of memory", { cause: "memory", exitCode: 1, error }, trouble, "thrown"],
    ["ended in a way that nobody knows", { exitCode: null }, null, "it ended"],
  ])("%s", (...[, how, cause, message]) => {
    expect(endReason({ ...death, ...how }, cause).message).toBe(message);
  });
});

describe("a death is doubtful", () => {
  const short = { ms: 5, hadTrouble: false };

  it.each<readonly [string, Partial<Death>, boolean, boolean]>([
    ["exited while nothing ran", {}, false, true],
    ["exited while a job ran", { started: ["a"] }, false, false],
    ["exited by code of a job that is over", { culprit: run }, false, false],
    ["exited by code of no job while a job ran", { started: ["a"], culprit: "nobody" }, false, true],
    ["out of memory while nothing ran", { cause: "memory" }, false, true],
    ["out of memory while a job ran", { cause: "memory", started: ["a"] }, false, false],
    ["killed in a job", { cause: "killed", started: ["a"], culprit: run }, false, false],
    ["killed in code of no job", { cause: "killed", started: ["a"], culprit: "nobody" }, false, true],
    ["killed, nobody knows in which code", { cause: "killed", started: ["a"] }, false, false],
    ["ended", { cause: "ended" }, false, false],
    ["ended for an error of no job", { cause: "ended" }, true, true],
  ])("%s", (...[, how, hadTrouble, expected]) => {
    expect(isDoubtful({ ...death, ...how }, { ...short, hadTrouble })).toBe(expected);
    expect(isDoubtful({ ...death, ...how }, { ms: 60_000, hadTrouble })).toBe(false);
  });
});
