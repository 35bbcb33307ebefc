import { describe, expect, it } from "vitest";
import { deferred } from "../../../src/waiting.js";
import { down, Scene } from "./completer-scene.js";

describe("batches", () => {
  it("writes the outcomes of one turn at once, in order, and tells of them once they are stored", async () => {
    const scene = new Scene();
    const answer = deferred<readonly boolean[]>();
    scene.complete = () => answer.promise;
    scene.add("1");
    await Promise.resolve();
    scene.add("2", "3");
    await scene.clock.settle();
    expect(scene.writes).toEqual([["1", "2", "3"]]);
    expect(scene.settled).toEqual([]);
    expect(scene.completer.unsettled().map(({ id }) => id)).toEqual(["1", "2", "3"]);
    answer.resolve([true, true, true]);
    await scene.clock.settle();
    expect(scene.settled).toEqual(["1", "2", "3"]);
    expect(scene.completer.unsettled().map(({ id }) => id)).toEqual([]);
  });

  it("leaves what is more than a thousand to the next turn", async () => {
    const scene = new Scene();
    const ids = Array.from({ length: 2_500 }, (_, n) => String(n));
    scene.add(...ids);
    await scene.clock.settle();
    expect(scene.writes.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
    expect(scene.settled).toEqual(ids);
  });

  it("writes what comes during a write next, in one write", async () => {
    const scene = new Scene();
    const answer = deferred<readonly boolean[]>();
    scene.complete = () => answer.promise;
    scene.add("1");
    await scene.clock.settle();
    scene.add("2");
    await scene.clock.settle();
    scene.add("3");
    await scene.clock.settle();
    expect(scene.writes).toEqual([["1"]]);
    expect(scene.completer.unsettled().map(({ id }) => id)).toEqual(["1", "2", "3"]);
    scene.complete = (transitions) => Promise.resolve(transitions.map(() => true));
    answer.resolve([true]);
    await scene.clock.settle();
    expect(scene.writes).toEqual([["1"], ["2", "3"]]);
    expect(scene.settled).toEqual(["1", "2", "3"]);
  });

  it("is idle when all is stored, and not before", async () => {
    const scene = new Scene();
    await scene.completer.whenIdle();
    scene.complete = down;
    scene.add("1");
    let isIdle = false;
    const idle = Promise.all([scene.completer.whenIdle(), scene.completer.whenIdle()]).then(() => (isIdle = true));
    await scene.clock.settle();
    scene.add("2");
    await scene.clock.advance(50);
    expect(isIdle).toBe(false);
    scene.complete = (transitions) => Promise.resolve(transitions.map(() => true));
    await scene.clock.advance(50);
    await idle;
    expect(scene.settled).toEqual(["1", "2"]);
    await scene.completer.whenIdle();
  });
});

describe("a late finisher", () => {
  it("is ignored: nobody is told of what the storage did not take", async () => {
    const scene = new Scene();
    scene.complete = () => Promise.resolve([true, false, true]);
    scene.add("1", "late", "3");
    await scene.clock.settle();
    expect(scene.settled).toEqual(["1", "3"]);
    expect(scene.refused).toEqual(["late"]);
    expect(scene.completer.unsettled().map(({ id }) => id)).toEqual([]);
    await scene.clock.advance(60_000);
    expect(scene.writes).toHaveLength(1);
  });

  it("is ignored also if the storage answers for too few", async () => {
    const scene = new Scene();
    scene.complete = () => Promise.resolve([true]);
    scene.add("1", "2");
    await scene.clock.settle();
    expect([scene.settled, scene.refused]).toEqual([["1"], ["2"]]);
  });
});

describe("a write that fails", () => {
  it("is repeated after 0.1, 0.2, 0.4 … 5 s until it succeeds, with what came meanwhile", async () => {
    const scene = new Scene();
    scene.complete = down;
    scene.add("1");
    await scene.clock.advance(150);
    scene.add("2");
    await scene.clock.advance(30_000);
    const waits = scene.writeTimes.slice(1).map((at, index) => at - (scene.writeTimes[index] ?? 0));
    expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000, 5_000]);
    expect(scene.writes.slice(2).every((ids) => ids.join() === "1,2")).toBe(true);
    expect(scene.errors).toHaveLength(11);
    expect(scene.settled).toEqual([]);
    scene.complete = (transitions) => Promise.resolve(transitions.map(() => true));
    await scene.clock.advance(5_000);
    expect(scene.settled).toEqual(["1", "2"]);
  });

  it("starts from the shortest wait again when it has succeeded", async () => {
    const scene = new Scene();
    for (const id of ["1", "2"]) {
      scene.complete = down;
      const start = scene.clock.monotonic();
      const { length } = scene.writeTimes;
      scene.add(id);
      await scene.clock.advance(300);
      scene.complete = (transitions) => Promise.resolve(transitions.map(() => true));
      await scene.clock.advance(400);
      expect(scene.writeTimes.slice(length).map((at) => at - start)).toEqual([0, 100, 300, 700]);
    }
    expect(scene.settled).toEqual(["1", "2"]);
  });

  it("does not reach into the next write of another batch", async () => {
    const scene = new Scene();
    let writes = 0;
    scene.complete = (transitions) => (writes++ === 0 ? down() : Promise.resolve(transitions.map(() => true)));
    scene.add("1");
    await scene.clock.advance(100);
    let asked = 0;
    scene.get = (ids) => {
      asked += 1;
      return Promise.resolve(ids.map(() => undefined));
    };
    scene.add("2");
    await scene.clock.settle();
    expect(scene.settled).toEqual(["1", "2"]);
    expect(asked).toBe(0);
  });
});

describe("stop", () => {
  it("gives up what is not stored: nothing is written any more, and nobody is told", async () => {
    const scene = new Scene();
    scene.complete = down;
    scene.add("1");
    await scene.clock.settle();
    scene.completer.stop();
    expect(scene.completer.unsettled().map(({ id }) => id)).toEqual([]);
    scene.add("2");
    await scene.clock.advance(60_000);
    expect(scene.writes).toEqual([["1"]]);
    expect(scene.settled).toEqual([]);
    expect(scene.clock.timers).toBe(0);
  });

  it("also when a write is under way that fails then", async () => {
    const scene = new Scene();
    const answer = deferred<readonly boolean[]>();
    scene.complete = () => answer.promise;
    scene.add("1");
    await scene.clock.settle();
    scene.completer.stop();
    answer.reject(new Error("down"));
    await scene.clock.advance(60_000);
    expect(scene.writes).toEqual([["1"]]);
    expect(scene.clock.timers).toBe(0);
  });

  it("still tells of a write that was under way and succeeds", async () => {
    const scene = new Scene();
    const answer = deferred<readonly boolean[]>();
    scene.complete = () => answer.promise;
    scene.add("1");
    await scene.clock.settle();
    scene.completer.stop();
    answer.resolve([true]);
    await scene.clock.settle();
    expect(scene.settled).toEqual(["1"]);
  });
});
