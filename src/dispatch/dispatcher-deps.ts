/** What joins a dispatcher to the rest of the engine. */

import type { Clock } from "../clock.js";
import type { ClaimedJob, JobRow } from "../job/job-record.js";
import type { LogLine } from "../job/job-context.js";
import type { JobWriter, Ownership } from "../storage/storage.js";
import type { Settlement } from "./completer.js";
import type { RunIdentity } from "../protocol/messages.js";
import type { WireError } from "../protocol/wire-error.js";
import type { LaneExit } from "./exit-report.js";
import type { Lane, Pool } from "./pool.js";

/** What the dispatcher tells the engine. */
export interface DispatchListener {
  settle(settlement: Settlement): void;
  /** These were claimed in our name and never arrived; they wait again. */
  reclaimed(jobs: readonly JobRow[]): void;
  started(job: ClaimedJob): void;
  progressed(job: ClaimedJob, fraction: number, detail: string | null): void;
  logged(job: ClaimedJob, line: LogLine): void;
  laneReady(lane: Lane): void;
  laneGone(exit: LaneExit): void;
  /** A thread of a lane that is gone cannot be ended. */
  leaked(thread: number): void;
  /** The run was cut short by the end of its thread, and follows again without another claim. */
  rescued(job: ClaimedJob): void;
  /** Code of a run failed, or ended its thread, when the run was over. */
  lateError(run: RunIdentity, error: WireError): void;
  /** Threads cannot be made ready. */
  unhealthy(error: Error): void;
  /** The storage failed in the background. */
  storageFailed(error: unknown): void;
}

export interface DispatcherDeps {
  readonly queue: string;
  readonly runner: string;
  readonly pool: Pool;
  readonly storage: Pick<JobWriter & Ownership, "claim" | "reclaim">;
  /** Jobs that have ended and are not stored as such yet. */
  readonly unsettled: () => readonly ClaimedJob[];
  /** The wall clock was set back. */
  readonly onClockBack: () => void;
  readonly clock: Clock;
  readonly listener: DispatchListener;
  /** For jobs that have no timeout of their own. */
  readonly timeoutMs: number | null;
  readonly graceMs: number;
  /** After so many jobs a lane is replaced. */
  readonly maxJobsPerThread: number | null;
}
