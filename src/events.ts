/** What the engine tells while it works. */

import { OptionsError } from "./errors.js";
import { show } from "./job/duration.js";
import type { LogLevel } from "./job/job-context.js";
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

/** All events by name. Times are ms since the epoch. */
export interface EngineEvents {
  /** A job is stored. */
  readonly enqueued: JobEvent & { readonly runAt: number };
  /** A job was handed to a thread. */
  readonly started: RunEvent;
  readonly progress: RunEvent & { readonly fraction: number; readonly detail: string | null };
  /** `tookMs`: from the claim to the end of the run, by the wall clock. */
  readonly completed: RunEvent & { readonly tookMs: number };
  /** A run failed and another follows. */
  readonly retrying: RunEvent & { readonly error: ErrorInfo; readonly runAt: number };
  /** The last run failed. */
  readonly dead: RunEvent & { readonly error: ErrorInfo };
  readonly cancelled: RunEvent;
  /** Given back, uncharged, after a thread or a process died. */
  readonly rescued: RunEvent;
  readonly log: RunEvent & { readonly level: LogLevel; readonly message: string; readonly fields: Readonly<Record<string, unknown>> };
  readonly "thread:started": { readonly queue: string; readonly thread: number };
  readonly "thread:exited": { readonly queue: string; readonly thread: number; readonly exitCode: number | null; readonly error: ErrorInfo | null };
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
  "thread:started": true,
  "thread:exited": true,
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
        if (name === "error") warn(error);
        else this.emit("error", { error });
      }
    }
    if (name === "error" && !this.has("error")) warn((event as EngineEvents["error"]).error);
  }
}

function warn(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  process.emitWarning(`${message}. Listen to the engine's "error" event to handle this.`, "MillraceWarning");
}
