/** Makes a lane of a thread, or of the process itself: jobs module, then state, then the loop. */

import type { Clock } from "../src/clock.js";
import type { JobRequest } from "../src/job/job-request.js";
import type { ControlBlock } from "../src/protocol/control-block.js";
import type { FromThread, LanePlace } from "../src/protocol/messages.js";
import { enqueueThrough } from "./enqueue.js";
import { LaneLoop } from "./lane-loop.js";
import { loadRegistry, type Registry } from "./registry.js";

/** What a lane is given by whoever boots it. */
export interface LaneLink {
  readonly clock: Clock;
  readonly control: ControlBlock;
  readonly post: (message: FromThread, transfer?: readonly ArrayBuffer[]) => void;
  readonly store: (request: JobRequest) => Promise<{ readonly id: string; readonly duplicate: boolean }>;
  /** Instead of loading `jobsUrl`. */
  readonly registry?: Registry;
}

export interface BootedLane {
  readonly loop: LaneLoop;
  readonly names: readonly string[];
  /** Calls the user's `dispose`; resolves to what it threw, or `null`. */
  dispose(): Promise<unknown>;
}

/** @throws whatever the jobs module or its state factory throws */
export async function bootLane(place: LanePlace, link: LaneLink): Promise<BootedLane> {
  const registry = link.registry ?? (await loadRegistry(place.jobsUrl));
  const { module } = registry;
  const enqueueAt = enqueueThrough(link.store, place.maxPayload);
  const state: unknown = await module.state?.(Object.freeze({ queue: place.queue, slot: place.thread, enqueue: enqueueAt(0) }));
  const { queue, concurrency, maxResult } = place;
  const loop = new LaneLoop({ ...link, registry, state, enqueueAt, queue, concurrency, maxResult });
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
