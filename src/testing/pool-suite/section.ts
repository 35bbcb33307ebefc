import type { Clock } from "../../clock.js";
import type { HostApi } from "../../protocol/host-api.js";
import type { Scene } from "./scene.js";

/** What a pool is to be made from. It has to load the jobs module, whatever else it does not do. */
export interface PoolPlan {
  /** A `file:` URL. */
  readonly jobsUrl: string;
  readonly queue: string;
  readonly threads: number;
  readonly concurrency: number;
  /** In bytes. */
  readonly maxPayload: number;
  readonly maxResult: number;
  readonly movesResults: boolean;
  readonly bootTimeoutMs: number;
  readonly disposeTimeoutMs: number;
  readonly host: HostApi;
  readonly clock: Clock;
}

/** What only some pools can do. */
export interface PoolSupports {
  /** Each lane is a thread of its own. */
  readonly ownThreads: boolean;
  /** `kill` and `stop` end code that never awaits, and such code sees at once that it is asked to stop. */
  readonly killsBusyThreads: boolean;
  /** Code that exits, or throws where nobody catches it, ends its lane and nothing else. */
  readonly outlivesCrashes: boolean;
}

/** One thing a pool must do. */
export interface Case {
  readonly title: string;
  /** Only for pools that declare so; default all. */
  readonly when?: (supports: PoolSupports) => boolean;
  /** Makes its pools through the scene, which ends them. */
  readonly run: (scene: Scene) => Promise<void>;
}

export interface Section {
  readonly title: string;
  readonly cases: readonly Case[];
}
