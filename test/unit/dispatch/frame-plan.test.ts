import { describe, expect, it } from "vitest";
import { Capacity } from "../../../src/dispatch/capacity.js";
import { Flights, newFlight } from "../../../src/dispatch/flights.js";
import { planFrames } from "../../../src/dispatch/frame-plan.js";
import type { ClaimedJob } from "../../../src/job/job-record.js";
import { claimed } from "../sample-job.js";
import { FakeLane } from "./fake-lane.js";

interface Scene {
  readonly lanes: readonly FakeLane[];
  readonly flights: Flights;
  readonly capacity: Capacity;
}

/** `short` is known to take 0.1 ms, `long` 50 ms. */
function scene({ lanes = 1, concurrency = 1, room = 256 }: { readonly lanes?: number; readonly concurrency?: number; readonly room?: number } = {}): Scene {
  const flights = new Flights();
  const capacity = new Capacity(concurrency);
  const fakes = Array.from({ length: lanes }, (_, thread) => new FakeLane(thread, room));
  for (const lane of fakes) flights.addLane(lane);
  for (let time = 0; time < 100; time += 1) capacity.record("short", 0.1);
  capacity.record("long", 50);
  return { lanes: fakes, flights, capacity };
}

function jobs(name: string, count: number): readonly ClaimedJob[] {
  return Array.from({ length: count }, (_, index) => claimed({ name, id: `${name} ${index}` }));
}

/** Puts a job on a lane, as one that was sent. */
function fly({ flights, capacity }: Scene, lane: FakeLane, job: ClaimedJob): void {
  flights.add(newFlight({ job, lane, estimateMs: capacity.estimateMs(job.name) }));
}

function planned(at: Scene, all: readonly ClaimedJob[]): { readonly frames: Readonly<Record<number, readonly string[]>>; readonly rest: readonly string[] } {
  const { frames, rest } = planFrames({ ...at, jobs: all });
  return {
    frames: Object.fromEntries(frames.map(([lane, frame]) => [lane.thread, frame.map(({ id }) => id)])),
    rest: rest.map(({ id }) => id),
  };
}

describe("a plan of frames", () => {
  it("of nothing, or for nobody", () => {
    expect(planned(scene(), [])).toEqual({ frames: {}, rest: [] });
    expect(planned(scene({ lanes: 0 }), jobs("short", 2))).toEqual({ frames: {}, rest: ["short 0", "short 1"] });
  });

  it("puts short jobs into one frame, in their order, up to the budget", () => {
    const { frames, rest } = planned(scene(), jobs("short", 60));
    expect(frames[0]).toEqual(jobs("short", frames[0]!.length).map(({ id }) => id));
    expect(frames[0]!.length).toBeGreaterThanOrEqual(49);
    expect(frames[0]!.length).toBeLessThanOrEqual(50);
    expect([...frames[0]!, ...rest]).toEqual(jobs("short", 60).map(({ id }) => id));
  });

  it("sends long and unknown jobs alone", () => {
    expect(planned(scene(), jobs("long", 2))).toEqual({ frames: { 0: ["long 0"] }, rest: ["long 1"] });
    expect(planned(scene(), jobs("unknown", 2))).toEqual({ frames: { 0: ["unknown 0"] }, rest: ["unknown 1"] });
    expect(planned(scene(), [...jobs("long", 1), ...jobs("short", 2)])).toEqual({ frames: { 0: ["long 0"] }, rest: ["short 0", "short 1"] });
    expect(planned(scene(), [...jobs("short", 2), ...jobs("long", 1)])).toEqual({ frames: { 0: ["short 0", "short 1"] }, rest: ["long 0"] });
  });

  it("gives every slot of a lane a job, whatever its length", () => {
    expect(planned(scene({ concurrency: 3 }), jobs("long", 4))).toEqual({ frames: { 0: ["long 0", "long 1", "long 2"] }, rest: ["long 3"] });
  });

  it("spreads jobs over lanes, the emptier first", () => {
    expect(planned(scene({ lanes: 3 }), jobs("long", 3)).frames).toEqual({ 0: ["long 0"], 1: ["long 1"], 2: ["long 2"] });
    expect(planned(scene({ lanes: 2 }), jobs("short", 4)).frames).toEqual({ 0: ["short 0", "short 2"], 1: ["short 1", "short 3"] });
  });

  it("counts what the lanes hold already", () => {
    const at = scene({ lanes: 3 });
    const [first, second] = at.lanes;
    fly(at, first!, claimed({ name: "long", id: "running" }));
    fly(at, second!, claimed({ name: "short", id: "quick" }));
    expect(planned(at, jobs("long", 2))).toEqual({ frames: { 2: ["long 0"] }, rest: ["long 1"] });
    expect(planned(at, jobs("short", 2))).toEqual({ frames: { 1: ["short 1"], 2: ["short 0"] }, rest: [] });
  });

  it("of two lanes with as many jobs takes the one with less work", () => {
    const at = scene({ lanes: 2, concurrency: 4 });
    const [first, second] = at.lanes;
    fly(at, first!, claimed({ name: "long", id: "running" }));
    fly(at, second!, claimed({ name: "short", id: "quick" }));
    expect(planned(at, jobs("short", 1)).frames).toEqual({ 1: ["short 0"] });
  });

  it("gives no lane more than it has room for", () => {
    expect(planned(scene({ lanes: 2, room: 2 }), jobs("short", 6))).toEqual({
      frames: { 0: ["short 0", "short 2"], 1: ["short 1", "short 3"] },
      rest: ["short 4", "short 5"],
    });
    expect(planned(scene({ concurrency: 9, room: 0 }), jobs("short", 1))).toEqual({ frames: {}, rest: ["short 0"] });
  });

  it("loses and doubles nothing, and decides nothing by itself", () => {
    const at = scene({ lanes: 4, concurrency: 2, room: 5 });
    const all = [...jobs("short", 30), ...jobs("long", 9), ...jobs("unknown", 9)];
    const { frames, rest } = planned(at, all);
    expect([...Object.values(frames).flat(), ...rest].toSorted()).toEqual(all.map(({ id }) => id).toSorted());
    expect(at.lanes.every(({ sent }) => sent.length === 0)).toBe(true);
    expect(at.flights.size).toBe(0);
  });
});
