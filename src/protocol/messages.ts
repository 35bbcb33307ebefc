/** What crosses the thread boundary on a lane's port, both ways. */

import type { MessagePort } from "node:worker_threads";
import type { LogLine } from "../job/job-context.js";
import type { JobId } from "../job/job-record.js";
import type { Outcome } from "../job/lifecycle.js";
import type { ByteRange } from "../job/payload.js";
import type { Frame } from "./frame.js";
import type { WireError } from "./wire-error.js";

/** One job of a frame. */
export interface FrameJob {
  /** Where the control block speaks of it. */
  readonly slot: number;
  readonly id: JobId;
  readonly name: string;
  readonly attempt: number;
  readonly maxRetries: number;
  readonly depth: number;
  readonly meta: Readonly<Record<string, string>>;
  readonly payload: ByteRange;
  readonly attachments: readonly ArrayBuffer[];
  /** After a failure the thread is to ask the definition's own backoff function. */
  readonly customBackoff: boolean;
}

export type ToThread =
  /** The jobs sent to a lane in one message. */
  | { readonly kind: "frame"; readonly frame: Frame }
  /** The stop word of this slot was set: wake code that awaits. */
  | { readonly kind: "stop-asked"; readonly slot: number }
  /** Say that you listen. */
  | { readonly kind: "knock" }
  /** No frame will follow: dispose of the state and end the lane. */
  | { readonly kind: "end" }
  /** End the lane's task, but keep serving: from now on only work keeps the process alive. */
  | { readonly kind: "rest" };

export type FromThread =
  /** First of all, before anything of the user's is loaded. */
  | { readonly kind: "hello" }
  | { readonly kind: "ready"; readonly names: readonly string[] }
  | { readonly kind: "boot-failed"; readonly error: WireError }
  /** There are answers in the ring of the control block. */
  | { readonly kind: "answers" }
  /** How one job of a frame ended, if that does not fit into the ring. `tookMs`: from the start of the run to its end. */
  | { readonly kind: "answer"; readonly slot: number; readonly outcome: Outcome; readonly tookMs: number }
  | { readonly kind: "progress"; readonly slot: number; readonly fraction: number; readonly detail: string | null }
  | { readonly kind: "log"; readonly slot: number; readonly line: LogLine }
  /** Thrown or rejected where no run could catch it; `run` says whose code that was. */
  | { readonly kind: "stray-error"; readonly run: RunIdentity | null; readonly error: WireError }
  /** Somebody called `process.exit`. */
  | { readonly kind: "exiting"; readonly run: RunIdentity | null; readonly code: number }
  /** The answer to `knock`. */
  | { readonly kind: "heard" }
  /** After garbage collections the heap still holds more than `maxHeapPerThread`. */
  | { readonly kind: "heap-high" }
  /** `error` is what the user's `dispose` threw. */
  | { readonly kind: "ended"; readonly error: WireError | null };

/** Names a run, also when it is over. */
export interface RunIdentity {
  readonly id: JobId;
  readonly name: string;
  readonly attempt: number;
  readonly meta: Readonly<Record<string, string>>;
}

/** What a lane must know of its place. */
export interface LanePlace {
  readonly queue: string;
  /** Which of the queue's threads this is, from 0. */
  readonly thread: number;
  readonly concurrency: number;
  /** In bytes. */
  readonly maxPayload: number;
  readonly maxResult: number;
  /** Results can be moved to whoever awaits them; if not, they are copied. */
  readonly movesResults: boolean;
  /** The heap has a limit: how full it is, is measured at the start of each run. */
  readonly measuresHeap: boolean;
  /** What garbage collections may leave of the heap, in bytes; `null`: anything. */
  readonly maxHeapPerThread: number | null;
}

/** What makes a thread a lane: the one task that the pool gives it. */
export interface LaneTask {
  readonly port: MessagePort;
  /** For calls from the thread to the main side. */
  readonly hostPort: MessagePort;
  readonly control: SharedArrayBuffer;
  /** A `file:` URL. */
  readonly jobsUrl: string;
  readonly place: LanePlace;
}
