import { describe, expect, it } from "vitest";
import { Flights, newFlight } from "../../../src/dispatch/flights.js";
import { Quarantine } from "../../../src/dispatch/quarantine.js";
import type { JobId } from "../../../src/job/job-record.js";
import { claimed } from "../sample-job.js";
import { FakeLane } from "./fake-lane.js";

class Scene {
  readonly flights = new Flights();
  readonly cleared: number[] = [];
  released = 0;
  readonly quarantine: Quarantine = new Quarantine({
    flights: this.flights,
    clear: (lane) => this.cleared.push(lane.thread),
    send: (lane, job) => {
      lane.send([job]);
      this.flights.add(newFlight({ job, lane, isSuspect: true }));
    },
    onReleased: () => (this.released += 1),
  });

  lane(thread: number, ...ids: readonly JobId[]): FakeLane {
    const lane = new FakeLane(thread);
    this.flights.addLane(lane);
    for (const id of ids) this.flights.add(newFlight({ job: claimed({ id }), lane }));
    return lane;
  }

  suspect(...ids: readonly JobId[]): void {
    for (const id of ids) this.quarantine.add(claimed({ id }));
    this.quarantine.proceed();
  }

  end(id: JobId): void {
    const flight = this.flights.get(id);
    if (flight !== undefined) this.flights.remove(flight);
    this.quarantine.proceed();
  }

  get open(): readonly number[] {
    return this.flights.openLanes().map(({ thread }) => thread);
  }
}

describe("suspects", () => {
  it("run one after the other, alone on a lane, which takes any job again when the last is over", () => {
    const scene = new Scene();
    const lane = scene.lane(0);
    scene.lane(1);
    scene.suspect("a", "b", "c");
    expect(lane.sent).toEqual([["a"]]);
    expect(scene.open).toEqual([1]);
    expect(scene.quarantine.held().map(({ id }) => id)).toEqual(["b", "c"]);
    scene.end("a");
    expect(lane.sent).toEqual([["a"], ["b"]]);
    scene.end("b");
    scene.end("c");
    expect(lane.sent).toEqual([["a"], ["b"], ["c"]]);
    expect(scene.open).toEqual([0, 1]);
    expect([scene.released, scene.quarantine.size]).toEqual([1, 0]);
  });

  it("wait until the lane with least on it has run empty: nothing new comes, what has not started goes", () => {
    const scene = new Scene();
    scene.lane(0, "x", "y");
    const lane = scene.lane(1, "z");
    scene.suspect("a");
    expect([lane.sent, scene.open, scene.cleared]).toEqual([[], [0], [1]]);
    scene.quarantine.proceed();
    expect(scene.cleared).toEqual([1]);
    scene.end("z");
    expect(lane.sent).toEqual([["a"]]);
  });

  it("go to another lane that is empty sooner, and the first is open again", () => {
    const scene = new Scene();
    scene.lane(0, "x");
    scene.suspect("a");
    expect(scene.open).toEqual([]);
    const fresh = scene.lane(1);
    scene.quarantine.proceed();
    expect(fresh.sent).toEqual([["a"]]);
    expect([scene.open, scene.released]).toEqual([[0], 1]);
  });

  it("wait for a lane if there is none", () => {
    const scene = new Scene();
    scene.suspect("a");
    const lane = scene.lane(0);
    scene.quarantine.proceed();
    expect(lane.sent).toEqual([["a"]]);
  });

  it("go on elsewhere when their lane is gone, or is to end", () => {
    const scene = new Scene();
    const first = scene.lane(0);
    scene.suspect("a", "b", "c");
    const second = scene.lane(1);
    scene.flights.removeLane(first);
    scene.end("a");
    expect(second.sent).toEqual([["b"]]);
    scene.flights.setMode(second, "retiring");
    scene.quarantine.proceed();
    const third = scene.lane(2);
    scene.end("b");
    expect([second.sent, third.sent]).toEqual([[["b"]], [["c"]]]);
    scene.end("c");
    expect(scene.flights.mode(second)).toBe("retiring");
  });

  it("are let go one by one, or all; the lane is given back", () => {
    const scene = new Scene();
    scene.lane(0, "x");
    scene.suspect("a", "b", "c");
    expect(scene.quarantine.take("b")?.id).toBe("b");
    expect(scene.quarantine.take("b")).toBeUndefined();
    expect(scene.quarantine.take("x")).toBeUndefined();
    expect(scene.quarantine.drain().map(({ id }) => id)).toEqual(["a", "c"]);
    scene.quarantine.proceed();
    expect([scene.quarantine.size, scene.open]).toEqual([0, [0]]);
  });

  it("are held under their latest claim", () => {
    const scene = new Scene();
    scene.suspect("a", "b");
    expect(scene.quarantine.adopt(claimed({ id: "a", fence: 9 }))).toBe(true);
    expect(scene.quarantine.adopt(claimed({ id: "c" }))).toBe(false);
    expect(scene.quarantine.held().map(({ id, fence }) => `${id} ${fence}`)).toEqual(["a 9", "b 1"]);
  });
});
