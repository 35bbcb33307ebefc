import type { EnqueueOptions, PayloadAndOptions } from "./enqueue-options.js";
import type { JobSpec } from "./define-job.js";
import type { Duration } from "./duration.js";

/** What a job is told about its run, and what it can do while it runs. */
export interface JobContext<State = unknown> {
  /** Time-ordered and stable over retries. */
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  /** 1 for the first run. A run that was interrupted through no fault of the job is not counted. */
  readonly attempt: number;
  /** Retries after the first run; may be `Infinity`. */
  readonly maxRetries: number;
  readonly meta: Readonly<Record<string, string>>;
  /** What the state factory made for this thread. */
  readonly state: State;
  /** Aborted when the job is cancelled or passes its deadline. For code that awaits; a busy loop asks `cancelled`. */
  readonly signal: AbortSignal;
  /** Whether the job is asked to stop, or its run is over. Reads shared memory: true even in the middle of a busy loop. */
  readonly cancelled: boolean;
  /** Cheap enough for a busy loop. @throws JobCancelledError if the job is asked to stop, or its run is over */
  throwIfCancelled(): void;
  /**
   * Tells how far the job is. Works from a busy loop.
   *
   * @param fraction from 0 to 1
   * @param detail a few words for whoever watches
   * @throws OptionsError for a fraction that is none
   */
  progress(fraction: number, detail?: string): void;
  readonly log: JobLog;
  /** Puts another job into storage. It does not wait for its result: that could block the thread the job needs. */
  readonly enqueue: EnqueueFromJob;
  /** Ends this run and runs the job again after `delay`. `attempt` stays as it is. Never returns. */
  snooze(delay: Duration): never;
}

/** Lines for the `log` event of the engine. Nothing is printed. */
export interface JobLog {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export type LogLevel = keyof JobLog;

/** `job` is a definition, or a name. Resolves once stored. Rejects as the engine's `enqueue` does, and with `MaxDepthError`. */
export type EnqueueFromJob = <Spec extends JobSpec | string>(
  job: Spec,
  ...rest: PayloadAndOptions<Spec, Omit<EnqueueOptions, "transfer" | "signal">>
) => Promise<{ readonly id: string; readonly duplicate: boolean }>;

/** What a state factory is told. */
export interface StateContext {
  /** The queue this thread works for. */
  readonly queue: string;
  /** Which of the queue's threads this is, from 0. A replacement has the slot of the thread it replaces. */
  readonly slot: number;
  readonly enqueue: EnqueueFromJob;
}

/** One line that a job logged. */
export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}
