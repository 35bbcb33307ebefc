import type { ClaimedJob, JobRow } from "../job/job-record.js";
import type { LogLine } from "../protocol/messages.js";
import type { Settlement } from "./completer.js";
import type { Death, Lane } from "./pool.js";

/** What the dispatcher tells the engine. */
export interface DispatchListener {
  settle(settlement: Settlement): void;
  /** These were claimed in our name and never arrived; they wait again. */
  reclaimed(jobs: readonly JobRow[]): void;
  started(job: ClaimedJob): void;
  progressed(job: ClaimedJob, fraction: number, detail: string | null): void;
  logged(job: ClaimedJob, line: LogLine): void;
  laneReady(lane: Lane): void;
  laneGone(lane: Lane, death: Death): void;
  /** Threads cannot be made ready. */
  unhealthy(error: Error): void;
  /** The storage failed in the background. */
  storageFailed(error: unknown): void;
}
