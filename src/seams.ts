/** Where an engine meets the real world, or what tests and the simulation put in its place. */

import type { Clock } from "./clock.js";
import type { QueueConfig } from "./config.js";
import type { Pool } from "./dispatch/pool.js";
import type { HostApi } from "./protocol/host-api.js";

export interface Seams {
  readonly clock: Clock;
  readonly createPool: (queue: string, config: QueueConfig, around: PoolSurroundings) => Pool;
}

/** What all pools of an engine share. */
export interface PoolSurroundings {
  readonly host: HostApi;
  /** In bytes. */
  readonly maxPayload: number;
  readonly maxResult: number;
  /** How long a thread may take to dispose of its state. */
  readonly disposeTimeoutMs: number;
}
