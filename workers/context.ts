/** What a job sees of its run: the `ctx` it is called with. */

import type { Clock } from "../src/clock.js";
import { JobCancelledError, OptionsError } from "../src/errors.js";
import { type Duration, parseDuration, show } from "../src/job/duration.js";
import type { EnqueueFromJob, JobContext, JobLog, LogLevel } from "../src/job/job-context.js";
import type { ControlBlock } from "../src/protocol/control-block.js";
import type { LogGate } from "./log-gate.js";
import type { FrameJob, FromThread } from "../src/protocol/messages.js";

/** Progress is shared memory; a message is sent so often at most, so that a busy loop does not flood the main thread. */
const PROGRESS_MESSAGE_MS = 50;

/** Thrown by `snooze`, and understood by whoever runs the job. */
export class Snooze {
  readonly #delayMs: number;

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  get delayMs(): number {
    return this.#delayMs;
  }

  /** Unlike `instanceof` it runs no code of what was thrown, which may be a Proxy. */
  static is(thrown: unknown): thrown is Snooze {
    return typeof thrown === "object" && thrown !== null && #delayMs in thrown;
  }
}

/** What all runs on one lane share. */
export interface RunEnvironment {
  readonly queue: string;
  readonly state: unknown;
  readonly control: ControlBlock;
  readonly clock: Clock;
  readonly logs: LogGate;
  readonly post: (message: FromThread) => void;
  /** For jobs of this depth. */
  readonly enqueueAt: (depth: number) => EnqueueFromJob;
}

export class RunContext implements JobContext {
  readonly name: string;
  readonly queue: string;
  readonly attempt: number;
  readonly maxRetries: number;
  readonly meta: Readonly<Record<string, string>>;
  readonly state: unknown;
  readonly #id: string;
  readonly #depth: number;
  readonly #slot: number;
  readonly #environment: RunEnvironment;
  // Made when first asked for: most jobs never are.
  #abort: AbortController | undefined;
  #log: JobLog | undefined;
  #enqueue: EnqueueFromJob | undefined;
  #progressPostedAt = -Infinity;
  /** Of the last step, if no message has told it. */
  #untold: string | undefined;
  #linesLost = 0;
  /** Its slot belongs to another run, or soon will. */
  #isOver = false;

  constructor(job: FrameJob, environment: RunEnvironment) {
    this.#id = job.id;
    this.name = job.name;
    this.queue = environment.queue;
    this.attempt = job.attempt;
    this.maxRetries = job.maxRetries;
    this.meta = job.meta;
    this.state = environment.state;
    this.#depth = job.depth;
    this.#slot = job.slot;
    this.#environment = environment;
  }

  /** It is a piece of the ids of its whole frame, and would keep all of them in memory for whoever keeps it. */
  get id(): string {
    return copyOf(this.#id);
  }

  get cancelled(): boolean {
    return this.#isOver || this.#environment.control.stopReason(this.#slot) !== null;
  }

  /** It has sent something that has to arrive before its end. */
  get hasSpoken(): boolean {
    return this.#log !== undefined || this.#progressPostedAt > -Infinity;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    this.passStopOn();
    return this.#abort.signal;
  }

  get log(): JobLog {
    return (this.#log ??= {
      debug: (message, fields) => this.#writeLog("debug", message, fields),
      info: (message, fields) => this.#writeLog("info", message, fields),
      warn: (message, fields) => this.#writeLog("warn", message, fields),
      error: (message, fields) => this.#writeLog("error", message, fields),
    });
  }

  get enqueue(): EnqueueFromJob {
    return (this.#enqueue ??= this.#environment.enqueueAt(this.#depth + 1));
  }

  throwIfCancelled(): void {
    if (this.cancelled) throw this.#stopError();
  }

  progress(fraction: number, detail?: string): void {
    if (typeof (fraction as unknown) !== "number" || !(fraction >= 0 && fraction <= 1)) {
      throw new OptionsError(`progress takes a number from 0 to 1, but got ${show(fraction)}`);
    }
    if (this.#isOver) return;
    this.#environment.control.setProgress(this.#slot, fraction);
    const now = this.#environment.clock.monotonic();
    const isTooSoon = now - this.#progressPostedAt < PROGRESS_MESSAGE_MS;
    this.#untold = isTooSoon ? detail : undefined;
    if (isTooSoon) return;
    this.#progressPostedAt = now;
    this.#postProgress(fraction, detail);
  }

  #postProgress(fraction: number, detail: string | undefined): void {
    this.#environment.post({ kind: "progress", slot: this.#slot, fraction, detail: (detail ?? null) === null ? null : toText(detail) });
  }

  snooze(delay: Duration): never {
    throw new Snooze(parseDuration(delay, "delay"));
  }

  /** Code that the run has left behind is told to stop, and is not heard any more. */
  end(): void {
    this.#tellLost();
    // The last step counts.
    if (this.#untold !== undefined) this.#postProgress(this.#environment.control.progress(this.#slot) ?? 0, this.#untold);
    this.#isOver = true;
  }

  /** Aborts the signal, if there is one and the stop word says so. */
  passStopOn(): void {
    if (this.#abort !== undefined && this.cancelled && !this.#abort.signal.aborted) this.#abort.abort(this.#stopError());
  }

  #stopError(): Error {
    if (this.#isOver) return new JobCancelledError("the run of the job is over");
    const timedOut = this.#environment.control.stopReason(this.#slot) === "timeout";
    return new JobCancelledError(timedOut ? "the job passed its deadline" : "the job was cancelled");
  }

  #writeLog(level: LogLevel, words: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (this.#isOver) return;
    const { logs, post } = this.#environment;
    if (!logs.pass()) {
      this.#linesLost += 1;
      return;
    }
    this.#tellLost();
    const message = toText(words);
    try {
      post({ kind: "log", slot: this.#slot, line: { level, message, fields } });
    } catch {
      // A field that cannot be cloned must not fail the job; the words still arrive.
      post({ kind: "log", slot: this.#slot, line: { level, message, fields: {} } });
    }
  }

  #tellLost(): void {
    if (this.#linesLost === 0) return;
    const message = `${this.#linesLost} lines were lost: there were more than could be read`;
    this.#linesLost = 0;
    this.#environment.logs.count();
    this.#environment.post({ kind: "log", slot: this.#slot, line: { level: "warn", message, fields: {} } });
  }
}

/** The main side takes it for text, and jobs need not be written in TypeScript. */
function toText(words: unknown): string {
  return typeof words === "string" ? words : show(words);
}

/** V8 copies so few characters; of more it makes a view. */
const COPIED_CHARACTERS = 12;

function copyOf(text: string): string {
  let copy = "";
  for (let at = 0; at < text.length; at += COPIED_CHARACTERS) copy += text.slice(at, at + COPIED_CHARACTERS);
  return copy;
}
