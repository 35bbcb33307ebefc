/** What the engine tells while it works. */

import { OptionsError } from "./errors.js";
import { show } from "./job/duration.js";
import type { LogLine } from "./job/job-context.js";
import type { JobId } from "./job/job-record.js";
import type { WireError } from "./protocol/wire-error.js";

/** An error as `info()` and events show it. */
export interface ErrorInfo {
  readonly name: string;
  readonly message: string;
  readonly stack: string | null;
  readonly code: string | number | null;
}

export function toErrorInfo({ name, message, stack, code }: WireError): ErrorInfo {
  return { name, message, stack, code };
}

/** What every event about a job says. */
export interface JobEvent {
  readonly id: JobId;
  readonly name: string;
  readonly queue: string;
  readonly meta: Readonly<Record<string, string>>;
}

interface RunEvent extends JobEvent {
  /** 1 for the first run. */
  readonly attempt: number;
}

/**
 * Why a thread ended. `retired`: it was ended in an orderly way, by `stop()`, or replaced after an error outside of all runs, or because of
 * `maxJobsPerThread` or `maxHeapPerThread`. `deadline`, `cancel`: a run went on in spite of it. `memory`: it broke its heap limit.
 * `exit`: by itself.
 */
export type ThreadExitReason = "retired" | "deadline" | "cancel" | "memory" | "exit";

/** A run that the end of its thread is charged to. */
export interface ChargedRun {
  readonly id: JobId;
  readonly name: string;
  readonly attempt: number;
  readonly ranMs: number;
  readonly progress: number | null;
  /** The last lines that it logged. */
  readonly log: readonly LogLine[];
}

/** The end of a thread: who is to blame, and who is not. */
export interface ThreadExit {
  readonly queue: string;
  readonly thread: number;
  readonly reason: ThreadExitReason;
  readonly exitCode: number | null;
  /** What was thrown, if that ended it. */
  readonly error: ErrorInfo | null;
  /** The stack of the code that held the thread, if any did and it could be read. */
  readonly stuckAt: string | null;
  /** It ended these runs: they failed, or are cancelled. */
  readonly charged: readonly ChargedRun[];
  /** Nobody can tell which of these it was: they run again, each alone, and pay nothing. */
  readonly suspects: readonly JobId[];
  /** These were not at fault: they run again and pay nothing. */
  readonly returned: readonly JobId[];
  /** All that in one line, for a log. It is a process warning if nobody listens to this event and a run was charged. */
  readonly report: string;
}

/** All events by name. Times are ms since the epoch. */
export interface EngineEvents {
  /** A job is stored. */
  readonly enqueued: JobEvent & { readonly runAt: number };
  /** A job was handed to a thread; once more if it is taken back from there before it runs. */
  readonly started: RunEvent;
  readonly progress: RunEvent & { readonly fraction: number; readonly detail: string | null };
  /** `tookMs`: from the claim of the job to when its end was heard, by the wall clock. */
  readonly completed: RunEvent & { readonly tookMs: number };
  /** A run failed and another follows. */
  readonly retrying: RunEvent & { readonly error: ErrorInfo; readonly runAt: number };
  /** The last run failed. */
  readonly dead: RunEvent & { readonly error: ErrorInfo };
  readonly cancelled: RunEvent;
  /** Given back, uncharged, after a thread or a process died. `attempt`: how many runs are charged to it. */
  readonly rescued: RunEvent;
  readonly log: RunEvent & LogLine;
  /** Code that a run left behind failed after its end, or ended the thread. The recorded result stands; the thread is replaced. */
  readonly "late-error": RunEvent & { readonly error: ErrorInfo };
  readonly "thread:started": { readonly queue: string; readonly thread: number };
  readonly "thread:exited": ThreadExit;
  /** A thread that was to be ended is held by native code, which nothing can interrupt. It is replaced, and its jobs are dealt with. */
  readonly "thread:leaked": { readonly queue: string; readonly thread: number };
  /** The threads of a queue cannot be started. The engine keeps trying; the jobs wait. */
  readonly unhealthy: { readonly queue: string; readonly error: Error };
  /** Something failed in the background: a write to storage, which is tried again, or a listener, which is not. */
  readonly error: { readonly error: unknown };
}

const EVENT_NAMES: Readonly<Record<keyof EngineEvents, true>> = {
  enqueued: true,
  started: true,
  progress: true,
  completed: true,
  retrying: true,
  dead: true,
  cancelled: true,
  rescued: true,
  log: true,
  "late-error": true,
  "thread:started": true,
  "thread:exited": true,
  "thread:leaked": true,
  unhealthy: true,
  error: true,
};

type Listener<Name extends keyof EngineEvents> = (event: EngineEvents[Name]) => void;

/** Calls listeners in the order they were added. A listener that throws harms neither the engine nor the others. */
export class Events {
  readonly #listeners = new Map<keyof EngineEvents, Set<Listener<never>>>();

  /**
   * @returns what removes the listener
   * @throws OptionsError for a name that is no event
   */
  on<Name extends keyof EngineEvents>(name: Name, listener: Listener<Name>): () => void {
    if (!Object.hasOwn(EVENT_NAMES, name)) {
      throw new OptionsError(`there is no event ${show(name)}; there are ${Object.keys(EVENT_NAMES).join(", ")}`);
    }
    if (typeof listener !== "function") throw new OptionsError(`a listener must be a function, but is ${show(listener)}`);
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    // An entry of its own, so that the same function may listen twice.
    const entry: Listener<Name> = (event) => listener(event);
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  /** Whether anyone would hear: an event nobody hears need not be made. */
  has(name: keyof EngineEvents): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  emit<Name extends keyof EngineEvents>(name: Name, event: EngineEvents[Name]): void {
    // A copy: who starts to listen now hears the next event first.
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as Listener<Name>)(event);
      } catch (error) {
        if (name === "error") warn(error, `A listener of the engine's "error" event has thrown this`);
        else this.emit("error", { error });
      }
    }
    if (name === "error" && !this.has("error")) warn((event as EngineEvents["error"]).error, `Listen to the engine's "error" event to handle this`);
  }
}

function warn(error: unknown, hint: string): void {
  const message = error instanceof Error ? error.message : String(error);
  process.emitWarning(`${message}. ${hint}.`, "MillraceWarning");
}
