import { describe, expect, it } from "vitest";
import { type Flight, Flights, newFlight } from "../../../src/dispatch/flights.js";
import { Retirement } from "../../../src/dispatch/retirement.js";
import type { JobId } from "../../../src/job/job-record.js";
import { manualClock, type ManualClock } from "../../../src/testing/manual-clock.js";
import { claimed } from "../sample-job.js";
import { FakeLane } from "./fake-lane.js";

const ERROR = { name: "Error", message: "stray", stack: null, code: null };

class Scene {
  readonly clock: ManualClock = manualClock();
  readonly flights: Flights;
  readonly lane = new FakeLane();
  readonly cleared: number[] = [];
  readonly retirement: Retirement;

  constructor(maxJobsPerThread: number | null = null, concurrency = 2) {
    this.flights = new Flights(maxJobsPerThread);
    this.flights.addLane(this.lane);
    const clear = (): void => void this.cleared.push(this.lane.thread);
    this.retirement = new Retirement({ clock: this.clock, flights: this.flights, maxJobsPerThread, concurrency, graceMs: 100, clear });
  }

  start(id: JobId): Flight {
    const flight = newFlight({ job: claimed({ id }), lane: this.lane });
    this.flights.add(flight);
    this.lane.starts.set(id, 0);
    return flight;
  }

  end(id: JobId): void {
    this.flights.remove(this.flights.get(id)!);
    this.flights.noteServed(this.lane);
    this.retirement.check(this.lane);
  }
}

/** A retired lane on which "a" has failed, but goes on, beside "b". */
function haunted(): Scene {
  const scene = new Scene();
  const flight = scene.start("a");
  scene.start("b");
  scene.retirement.retire(scene.lane, ERROR);
  scene.retirement.haunt(flight);
  scene.end("a");
  return scene;
}

describe("a lane that is to end", () => {
  it("takes no new jobs, gives back what has not started, and ends when its jobs have", () => {
    const scene = new Scene();
    scene.start("a");
    scene.start("b");
    scene.retirement.retire(scene.lane, ERROR);
    expect([scene.flights.openLanes(), scene.flights.laneCount, scene.cleared]).toEqual([[], 0, [0]]);
    scene.end("a");
    expect(scene.lane.asked).toEqual(["retire"]);
    scene.end("b");
    scene.retirement.check(scene.lane);
    scene.retirement.retire(scene.lane, "heap");
    expect(scene.lane.asked).toEqual(["retire", "end"]);
    expect(scene.retirement.gone(scene.lane)).toBe(ERROR);
    expect(scene.retirement.gone(scene.lane)).toBeUndefined();
  });

  it("ends at once when it is idle", () => {
    const scene = new Scene();
    scene.start("a");
    scene.end("a");
    scene.retirement.retire(scene.lane, "heap");
    expect(scene.lane.asked).toEqual(["end"]);
  });

  it("is replaced at once while something runs there, and by its end when nothing does", () => {
    const busy = new Scene();
    busy.start("a");
    busy.retirement.retire(busy.lane, "heap");
    busy.retirement.retire(busy.lane, ERROR);
    expect(busy.lane.asked).toEqual(["retire"]);
    const idle = new Scene();
    idle.start("a");
    idle.end("a");
    idle.retirement.retire(idle.lane, "heap");
    expect(idle.lane.asked).toEqual(["end"]);
  });

  it("is of use first: one that has run nothing yet does not end before it has", () => {
    const scene = new Scene();
    scene.retirement.retire(scene.lane, ERROR);
    expect([scene.lane.asked, scene.flights.mode(scene.lane)]).toEqual([[], "open"]);
    scene.start("a");
    scene.end("a");
    expect(scene.lane.asked).toEqual(["end"]);
  });

  it("waits a moment for the code of a run that it has failed, and no longer", async () => {
    for (const doesAnswer of [true, false]) {
      const scene = new Scene();
      const flight = scene.start("a");
      scene.retirement.retire(scene.lane, ERROR);
      scene.retirement.haunt(flight);
      scene.end("a");
      expect(scene.lane.asked).toEqual(["retire", "stop a: cancel"]);
      await scene.clock.advance(99);
      expect(scene.lane.asked).toHaveLength(2);
      if (doesAnswer) scene.retirement.layToRest(scene.lane, "a");
      else await scene.clock.advance(1);
      expect(scene.lane.asked).toEqual(["retire", "stop a: cancel", "end"]);
      expect(scene.clock.timers).toBe(0);
    }
  });

  it("is killed when the code of a run that it has failed holds the thread from the others there", async () => {
    const scene = haunted();
    scene.lane.heard.add("a");
    await scene.clock.advance(100 + 1_000);
    expect(scene.lane.asked).not.toContain("kill");
    scene.lane.heard.delete("a");
    await scene.clock.advance(1_000);
    expect(scene.lane.asked.at(-1)).toBe("kill");
    expect(scene.clock.timers).toBe(0);
  });

  it("is not watched any more when that code has ended", async () => {
    const scene = haunted();
    await scene.clock.advance(100);
    scene.retirement.layToRest(scene.lane, "a");
    await scene.clock.advance(1_000);
    expect([scene.lane.asked.includes("kill"), scene.clock.timers]).toEqual([false, 0]);
    scene.end("b");
    expect(scene.lane.asked.at(-1)).toBe("end");
  });

  it("is not ended again when the engine stops", async () => {
    const scene = new Scene(1);
    const flight = scene.start("a");
    scene.retirement.retire(scene.lane, ERROR);
    scene.retirement.haunt(flight);
    scene.retirement.stop();
    scene.end("a");
    scene.retirement.retire(scene.lane, ERROR);
    await scene.clock.advance(1_000);
    expect(scene.lane.asked).toEqual(["retire", "stop a: cancel"]);
  });
});

describe("a lane that may run so many jobs", () => {
  it("ends after the last, and is never given more", () => {
    const scene = new Scene(2);
    expect(scene.flights.load(scene.lane).room).toBe(2);
    scene.start("a");
    scene.end("a");
    expect([scene.flights.load(scene.lane).room, scene.lane.asked]).toEqual([1, []]);
    scene.start("b");
    expect(scene.flights.load(scene.lane).room).toBe(0);
    scene.end("b");
    expect(scene.lane.asked).toEqual(["end"]);
    expect(scene.retirement.gone(scene.lane)).toBe("jobs");
  });

  it("is retired as soon as the last ones run, if they leave room that nobody may use", () => {
    const scene = new Scene(2);
    scene.start("a");
    scene.start("b");
    expect(scene.lane.asked).toEqual([]);
    scene.end("a");
    expect(scene.lane.asked).toEqual(["retire"]);
    scene.end("b");
    expect(scene.lane.asked).toEqual(["retire", "end"]);
  });

  it("is not while one of them has not started, which would be taken back", () => {
    const scene = new Scene(2);
    scene.start("a");
    scene.start("b");
    scene.lane.starts.delete("b");
    scene.end("a");
    expect([scene.lane.asked, scene.cleared]).toEqual([[], []]);
  });
});
