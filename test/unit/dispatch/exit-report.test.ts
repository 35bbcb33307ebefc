import { describe, expect, it } from "vitest";
import { exitReport } from "../../../src/dispatch/exit-report.js";
import type { Death } from "../../../src/dispatch/pool.js";
import type { RetireCause } from "../../../src/dispatch/retirement.js";
import { manualClock } from "../../../src/testing/manual-clock.js";
import { FakeLane } from "./fake-lane.js";

const death: Death = { cause: "ended", exitCode: 0, error: null, started: [], unstarted: [], culprit: null, wasDeaf: false, stuckAt: null, heap: null };
const error = { name: "RangeError", message: "late", stack: null, code: null };

function reportOf(retired: RetireCause | undefined, how: Partial<Death> = {}): string {
  const nobody = { charged: [], suspects: [], returned: [] };
  return exitReport({ queue: "q", lane: new FakeLane(), death: { ...death, ...how }, killedFor: null, retired, ...nobody }, manualClock()).report;
}

describe("the report of a thread that was ended says why", () => {
  it.each<readonly [title: string, RetireCause | undefined, string]>([
    ["its jobs", "jobs", 'thread 0 of queue "q" was ended, since it had run as many jobs as maxJobsPerThread allows'],
    ["its heap", "heap", 'thread 0 of queue "q" was ended, since its heap held more than maxHeapPerThread allows'],
    ["an error", error, 'thread 0 of queue "q" was ended, since an error was caught by no run; RangeError: late'],
    ["the end of the engine", undefined, 'thread 0 of queue "q" was ended'],
  ])("%s", (...[, retired, report]) => {
    expect(reportOf(retired)).toBe(report);
    // Also if it took too long over it.
    expect(reportOf(retired, { cause: "killed", exitCode: 1 })).toBe(report);
  });

  it("but not if something else was faster", () => {
    expect(reportOf("jobs", { cause: "exited", exitCode: 3 })).toBe('thread 0 of queue "q" exited with code 3');
  });
});
