import type { Backoff } from "./backoff.js";
import type { InputOf, JobSpec } from "./define-job.js";
import type { Duration } from "./duration.js";

/** Options of one enqueued job. They win over the job's definition. */
export interface EnqueueOptions {
  /** Default: the definition's, else `"default"`. */
  readonly queue?: string;
  /** Not before this long from now. Excludes `runAt`. */
  readonly delay?: Duration;
  /** Not before this time: a `Date` or ms since the epoch. The past means now. Excludes `delay`. */
  readonly runAt?: Date | number;
  /** Lower runs first; any finite number. Default 0. */
  readonly priority?: number;
  /** Retries after the first run; `Infinity` is allowed. Default: the definition's, else 5. */
  readonly maxRetries?: number;
  /** Made by `exponential()` or `linear()`. Default: the definition's, else `exponential()`. */
  readonly backoff?: Backoff;
  /** The longest a run may take, counted from its start. Default: the definition's, else the queue's, else none. */
  readonly timeout?: Duration;
  /**
   * While an unfinished job of this name holds the key, enqueueing stores nothing and gives that job's handle.
   * A string is short for `{ key, until: "finished" }`; with `until: "started"` the key is free once a run starts.
   */
  readonly unique?: string | { readonly key: string; readonly until?: "finished" | "started" };
  /** Small strings carried along, such as a tenant or a trace id. At most 4 KiB in all. */
  readonly meta?: Readonly<Record<string, string>>;
  /**
   * Buffers inside the payload to move rather than copy. They are detached at once and exist for one run only: if its
   * thread dies, the job is `dead` with `PayloadLostError`.
   */
  readonly transfer?: readonly ArrayBuffer[];
  /**
   * If the queue is full (`maxQueued`), wait for room, in turn, until this aborts; then the call rejects with its reason, and
   * the job is not stored. Without it a full queue rejects with `QueueFullError`. What is stored stays, whatever aborts later.
   */
  readonly signal?: AbortSignal;
}

/** What a job is enqueued with, by its definition; anything, where there is only a name. */
export type Payload<Spec> = Spec extends JobSpec ? InputOf<Spec> : unknown;

/** A payload that may be `undefined` may be left out. */
export type PayloadAndOptions<Spec, Options> =
  undefined extends Payload<Spec> ? [payload?: Payload<Spec>, options?: Options] : [payload: Payload<Spec>, options?: Options];
