/** Where an engine meets the real world, or what tests and the simulation put in its place. */

import type { Clock } from "./clock.js";
import type { QueueConfig } from "./config.js";
import type { Pool } from "./dispatch/pool.js";
import type { HostApi } from "./protocol/host-api.js";
import type { LanePlace } from "./protocol/messages.js";

export interface Seams {
  readonly clock: Clock;
  readonly createPool: (queue: string, config: QueueConfig, around: PoolSurroundings) => Pool;
}

/** What all pools of an engine share. */
export interface PoolSurroundings extends Pick<LanePlace, "maxPayload" | "maxResult" | "movesResults"> {
  readonly host: HostApi;
  /** How long a thread may take to dispose of its state. */
  readonly disposeTimeoutMs: number;
}
