/** Makes a lane of a thread, or of the process itself, once its jobs are known: state, then the loop. */

import type { Clock } from "../src/clock.js";
import type { ControlBlock } from "../src/protocol/control-block.js";
import type { HostApi } from "../src/protocol/host-api.js";
import type { FromThread, LanePlace } from "../src/protocol/messages.js";
import { enqueueThrough } from "./enqueue.js";
import { LogGate } from "./log-gate.js";
import { LaneLoop } from "./lane-loop.js";
import type { Registry } from "./registry.js";

/** What a lane is given by whoever boots it. */
export interface LaneLink {
  readonly clock: Clock;
  readonly control: ControlBlock;
  readonly post: (message: FromThread, transfer?: readonly ArrayBuffer[]) => void;
  readonly store: HostApi["enqueue"];
  readonly registry: Registry;
}

export interface BootedLane {
  readonly loop: LaneLoop;
  readonly names: readonly string[];
  /** Calls the user's `dispose`; resolves to what it threw, or `null`. */
  dispose(): Promise<unknown>;
}

/** @throws whatever the state factory throws */
export async function bootLane(place: LanePlace, link: LaneLink): Promise<BootedLane> {
  const { registry } = link;
  const { module } = registry;
  const enqueueAt = enqueueThrough(link.store, place.maxPayload);
  const state: unknown = await module.state?.(Object.freeze({ queue: place.queue, slot: place.thread, enqueue: enqueueAt(0) }));
  const { queue, concurrency, maxResult, movesResults, measuresHeap } = place;
  const loop = new LaneLoop({ ...link, logs: new LogGate(link.control), state, enqueueAt, queue, concurrency, maxResult, movesResults, measuresHeap });
  return {
    loop,
    names: [...registry.jobs.keys()],
    dispose: async () => {
      try {
        await module.dispose?.(state as never);
        return null;
      } catch (error) {
        return error ?? new Error("dispose failed without an error");
      }
    },
  };
}
