/** When a thread tells of answers that lie in shared memory: rarely, but before it has nothing to do. */

import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/clock.js";
import { FrameLane } from "../../../src/dispatch/lane.js";
import type { PoolListener } from "../../../src/dispatch/pool.js";
import { defineJob, defineJobs } from "../../../src/jobs.js";
import { ControlBlock } from "../../../src/protocol/control-block.js";
import type { Frame } from "../../../src/protocol/frame.js";
import { type BootedLane, bootLane } from "../../../workers/boot.js";
import { toRegistry } from "../../../workers/registry.js";
import { encode } from "../../../src/job/payload.js";
import { claimed } from "../sample-job.js";

const NOTHING = encode(null, { root: "payload", maxBytes: 100 }).bytes;
const PLACE = { queue: "default", thread: 0, concurrency: 1, maxPayload: 1_000, maxResult: 1_000, movesResults: true, measuresHeap: false, maxHeapPerThread: null };

/** Both sides of a lane, without anything between them that would deliver a message by itself. */
class Scene {
  /** How many jobs had ended when the main side was told. */
  readonly told: number[] = [];
  ended = 0;
  readonly #posted: Frame[] = [];
  readonly #control = new ControlBlock();
  readonly #lane: FrameLane;
  readonly #thread: Promise<BootedLane>;
  #sent = 0;
  #now = 0;

  constructor(jobMs: number) {
    const nothing = (): void => undefined;
    const others = { ready: nothing, progressed: nothing, logged: nothing, strayed: nothing, heapHigh: nothing, gone: nothing, leaked: nothing, bootFailed: nothing };
    const listener: PoolListener = { ...others, answered: nothing };
    const carrier = { retire: nothing, end: nothing, kill: nothing, busy: nothing };
    this.#lane = new FrameLane({
      ...{ thread: 0, names: ["job"], control: this.#control, listener },
      carrier: { ...carrier, post: (message) => void (message.kind === "frame" && this.#posted.push(message.frame)) },
    });
    const job = defineJob({
      name: "job",
      run: (_: null) => {
        this.ended += 1;
        this.#now += jobMs;
      },
    });
    this.#thread = bootLane(PLACE, {
      control: this.#control,
      clock: { ...systemClock(), monotonic: () => this.#now },
      post: () => void this.told.push(this.ended),
      store: () => Promise.reject(new Error("nobody asked")),
      registry: toRegistry(defineJobs({ jobs: [job] })),
    });
  }

  send(count: number): void {
    this.#lane.send(Array.from({ length: count }, () => claimed({ id: `job-${(this.#sent += 1)}`, name: "job", payload: NOTHING })));
  }

  /** The next frame arrives, and its jobs run. */
  async arrive(): Promise<void> {
    const { loop } = await this.#thread;
    const frame = this.#posted.shift();
    if (frame === undefined) throw new Error("nothing was sent");
    loop.receiveFrame(frame);
  }

  /** The main side reads what there is. */
  collect(): void {
    this.#lane.collect();
  }
}

describe("a thread that answers in shared memory", () => {
  it("tells when half of what it was sent is left, and when nothing is", async () => {
    const scene = new Scene(0.1);
    scene.send(10);
    await scene.arrive();
    // Nobody has heard the first message, so there is no second one.
    expect(scene.told).toEqual([5]);
    scene.collect();
    scene.send(1);
    await scene.arrive();
    expect(scene.told).toEqual([5, 11]);
  });

  it("does not tell between frames while enough has been sent that has not arrived", async () => {
    const scene = new Scene(0.1);
    for (let frame = 0; frame < 4; frame += 1) scene.send(2);
    for (let frame = 0; frame < 2; frame += 1) {
      expect(scene.told).toEqual([]);
      await scene.arrive();
    }
    expect(scene.told).toEqual([4]);
  });

  it("tells once for what was sent, though it is read at once, and again at the end", async () => {
    const scene = new Scene(0.1);
    for (let frame = 0; frame < 4; frame += 1) scene.send(2);
    for (let frame = 0; frame < 4; frame += 1) {
      await scene.arrive();
      scene.collect();
    }
    expect(scene.told).toEqual([4, 8]);
  });

  it("tells every 4 ms while more waits", async () => {
    const scene = new Scene(1);
    scene.send(100);
    for (let frame = 0; frame < 12; frame += 1) scene.send(1);
    await scene.arrive();
    // The first one is not heard, so there is no second.
    expect(scene.told).toEqual([4]);
    scene.collect();
    for (let frame = 0; frame < 11; frame += 1) {
      await scene.arrive();
      scene.collect();
    }
    await scene.arrive();
    expect(scene.told).toEqual([4, 101, 105, 109, 112]);
  });
});
