/** What a simulated thread is given, and how it may end. */

import type { PoolListener } from "../../src/dispatch/pool.js";
import type { HostApi } from "../../src/protocol/host-api.js";
import type { Whose } from "./sim-body.js";
import type { SimThread } from "./sim-thread.js";
import type { World } from "./world.js";

export interface SimThreadDeps {
  readonly world: World;
  readonly queue: string;
  readonly thread: number;
  readonly concurrency: number;
  readonly timeoutMs: number | null;
  readonly maxJobs: number | null;
  readonly host: HostApi;
  readonly listener: PoolListener;
  /** For controls: what is to be killed, lives on. */
  readonly spares: boolean;
  readonly onRetired: (thread: SimThread) => void;
  /** The main side has noticed its end. */
  readonly onGone: (thread: SimThread, isLeaked: boolean) => void;
  /** One that was left behind has ended after all. */
  readonly onFreed: (thread: SimThread) => void;
}

/** How a thread ends by itself. */
export interface Exit {
  readonly code: number | null;
  readonly error?: Error;
  /** Whose code it was. */
  readonly by: Whose;
  /** The thread says so before. */
  readonly isTold: boolean;
}
