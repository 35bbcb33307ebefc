/** What crosses the thread boundary on a lane's port, both ways. */

import type { MessagePort } from "node:worker_threads";
import type { LogLevel } from "../job/job-context.js";
import type { JobId } from "../job/job-record.js";
import type { Outcome } from "../job/lifecycle.js";
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
  readonly payload: Uint8Array;
  readonly attachments: readonly ArrayBuffer[];
  /** After a failure the thread is to ask the definition's own backoff function. */
  readonly customBackoff: boolean;
}

/** The jobs sent to a lane in one message. */
export interface Frame {
  readonly kind: "frame";
  readonly jobs: readonly FrameJob[];
}

export type ToThread =
  | Frame
  /** The stop word of these slots was set: wake code that awaits. */
  | { readonly kind: "stop-asked"; readonly slots: readonly number[] }
  /** No frame will follow: dispose of the state and end the lane. */
  | { readonly kind: "end" }
  /** End the lane's task, but keep serving: from now on only work keeps the process alive. */
  | { readonly kind: "rest" };

/** How one job of a frame ended. */
export interface Answer {
  readonly slot: number;
  readonly outcome: Outcome;
  /** From the start of the run to its end. */
  readonly tookMs: number;
}

export type FromThread =
  /** First of all, before anything of the user's is loaded. */
  | { readonly kind: "hello"; readonly threadId: number }
  | { readonly kind: "ready"; readonly names: readonly string[] }
  | { readonly kind: "boot-failed"; readonly error: WireError }
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "progress"; readonly slot: number; readonly fraction: number; readonly detail: string | null }
  | { readonly kind: "log"; readonly slot: number; readonly line: LogLine }
  /** `error` is what the user's `dispose` threw. */
  | { readonly kind: "ended"; readonly error: WireError | null };

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a lane must know of its place. */
export interface LanePlace {
  /** A `file:` URL. */
  readonly jobsUrl: string;
  readonly queue: string;
  /** Which of the queue's threads this is, from 0. */
  readonly thread: number;
  readonly concurrency: number;
  /** In bytes. */
  readonly maxPayload: number;
  readonly maxResult: number;
}

/** What makes a thread a lane: the one task that the pool gives it. */
export interface LaneTask {
  readonly port: MessagePort;
  /** For calls from the thread to the main side. */
  readonly hostPort: MessagePort;
  readonly control: SharedArrayBuffer;
  readonly place: LanePlace;
}
