import { describe, expect, it } from "vitest";
import { Flights, newFlight } from "../../../src/dispatch/flights.js";
import { Overrun } from "../../../src/dispatch/overrun.js";
import type { Lane } from "../../../src/dispatch/pool.js";
import type { JobId } from "../../../src/job/job-record.js";
import { type ManualClock, manualClock } from "../../../src/testing/manual-clock.js";
import { claimed } from "../sample-job.js";
import { FakeLane } from "./fake-lane.js";

/** As in the file under test. */
const OVERRUN_MS = 10;

class Scene {
  readonly clock: ManualClock = manualClock();
  readonly flights = new Flights();
  readonly long: (readonly [name: string, ranMs: number])[] = [];
  readonly blocked: Lane[] = [];
  readonly overrun: Overrun;

  constructor(concurrency = 1) {
    this.overrun = new Overrun({
      ...{ clock: this.clock, flights: this.flights, concurrency },
      onLong: (name, ranMs) => this.long.push([name, ranMs]),
      onBlocked: (lane) => this.blocked.push(lane),
    });
  }

  /** A lane with these jobs, of which the first has just started. */
  lane(...ids: readonly JobId[]): FakeLane {
    const lane = new FakeLane();
    this.flights.addLane(lane);
    for (const id of ids) this.flights.add(newFlight({ job: claimed({ id, name: `name of ${id}` }), lane, estimateMs: 0.1 }));
    if (ids[0] !== undefined) this.start(lane, ids[0]);
    return lane;
  }

  start(lane: FakeLane, id: JobId): void {
    lane.starts.set(id, this.clock.monotonic());
  }
}

describe("jobs that hold up others", () => {
  it("are noticed after a while, with the lane they block", async () => {
    const scene = new Scene();
    const lane = scene.lane("a", "b");
    scene.overrun.watch(lane);
    await scene.clock.advance(OVERRUN_MS - 1);
    expect([scene.long, scene.blocked]).toEqual([[], []]);
    await scene.clock.advance(1);
    expect(scene.long).toEqual([["name of a", OVERRUN_MS]]);
    expect(scene.blocked).toEqual([lane]);
  });

  it("are no matter while nobody waits behind them: no timer is set", async () => {
    for (const [concurrency, ids] of [[1, []], [1, ["a"]], [2, ["a", "b"]]] as const) {
      const scene = new Scene(concurrency);
      scene.overrun.watch(scene.lane(...ids));
      expect(scene.clock.timers).toBe(0);
    }
  });

  it("are no matter when those behind them have gone meanwhile", async () => {
    const scene = new Scene();
    scene.overrun.watch(scene.lane("a", "b"));
    scene.flights.remove(scene.flights.get("b")!);
    await scene.clock.advance(1_000);
    expect([scene.long, scene.blocked, scene.clock.timers]).toEqual([[], [], 0]);
  });

  it("are looked for again while others wait and none is long yet", async () => {
    const scene = new Scene();
    const lane = scene.lane("a", "b", "c");
    scene.overrun.watch(lane);
    await scene.clock.advance(6);
    scene.flights.remove(scene.flights.get("a")!);
    scene.start(lane, "b");
    await scene.clock.advance(4);
    expect([scene.long, scene.blocked]).toEqual([[], []]);
    await scene.clock.advance(OVERRUN_MS);
    expect(scene.long).toEqual([["name of b", 14]]);
    expect(scene.blocked).toEqual([lane]);
  });

  it("are not those that have not started, however long they lie there", async () => {
    const scene = new Scene();
    const lane = scene.lane("a", "b");
    lane.starts.clear();
    scene.overrun.watch(lane);
    await scene.clock.advance(1_000);
    expect([scene.long, scene.blocked]).toEqual([[], []]);
  });

  it("count as long from then on, so that nothing more is sent to wait behind them", async () => {
    const scene = new Scene();
    const [lane, other] = [scene.lane("a", "b"), scene.lane("c")];
    scene.overrun.watch(lane);
    expect(scene.flights.load(lane).heldMs).toBe(0.2);
    await scene.clock.advance(OVERRUN_MS);
    scene.flights.remove(scene.flights.get("b")!);
    expect(scene.flights.load(lane)).toMatchObject({ count: 1, heldMs: Infinity });
    expect(scene.flights.load(other).heldMs).toBe(0.1);
  });

  it("are all named that run too long, of several slots", async () => {
    const scene = new Scene(2);
    const lane = scene.lane("a", "b", "c");
    scene.start(lane, "b");
    scene.overrun.watch(lane);
    await scene.clock.advance(OVERRUN_MS);
    expect(scene.long.map(([name]) => name)).toEqual(["name of a", "name of b"]);
    expect(scene.blocked).toEqual([lane]);
  });

  it("are looked for on all lanes by one timer", async () => {
    const scene = new Scene();
    const lanes = [scene.lane("a", "b"), scene.lane("c", "d"), scene.lane("e")];
    for (const lane of lanes) scene.overrun.watch(lane);
    expect(scene.clock.timers).toBe(1);
    await scene.clock.advance(OVERRUN_MS);
    expect(scene.blocked).toEqual(lanes.slice(0, 2));
  });

  it("of a lane that is gone are not looked for", async () => {
    const scene = new Scene();
    const lane = scene.lane("a", "b");
    scene.overrun.watch(lane);
    scene.flights.removeLane(lane);
    await scene.clock.advance(1_000);
    expect([scene.long, scene.blocked, scene.clock.timers]).toEqual([[], [], 0]);
  });

  it("are not looked for after stop", async () => {
    const scene = new Scene();
    scene.overrun.watch(scene.lane("a", "b"));
    scene.overrun.stop();
    await scene.clock.advance(1_000);
    expect([scene.long, scene.blocked, scene.clock.timers]).toEqual([[], [], 0]);
  });
});
