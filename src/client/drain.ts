/** Waits until queues are empty. Looks again when something has happened, never by the clock. */

import type { Clock } from "../clock.js";
import { OptionsError } from "../errors.js";
import { type Duration, parseDuration, show } from "../job/duration.js";
import { rejectUnknownKeys, requireName, requireSignal } from "../job/options.js";
import type { JobReader, SettingsStore } from "../storage/storage.js";
import { waitPatiently } from "../waiting.js";

export interface DrainOptions {
  /** Default: all. */
  readonly queues?: readonly string[];
  /** Stop waiting after this long, with a `TimeoutError`. Default: never. */
  readonly timeout?: Duration;
  /** Stop waiting when it aborts, with its reason. */
  readonly signal?: AbortSignal;
}

export interface DrainsDeps {
  readonly storage: Pick<JobReader & SettingsStore, "count" | "settings">;
  readonly clock: Clock;
  /** The names that the threads of a queue know; `undefined` while that is not known, `null` if it has no threads. */
  readonly names: (queue: string) => readonly string[] | undefined | null;
}

interface Waiter {
  readonly queues: ReadonlySet<string> | null;
  readonly resolve: (empty: true) => void;
  readonly reject: (error: unknown) => void;
}

export class Drains {
  readonly #deps: DrainsDeps;
  readonly #waiters = new Set<Waiter>();
  #isLooking = false;
  #isStale = false;
  #stopError: Error | undefined;

  constructor(deps: DrainsDeps) {
    this.#deps = deps;
  }

  async wait(options: DrainOptions = {}): Promise<void> {
    rejectUnknownKeys(options, ["queues", "timeout", "signal"], "drain");
    const { queues, timeout, signal } = options;
    if (queues !== undefined && !Array.isArray(queues)) throw new OptionsError(`queues must be an array of names of queues, but is ${show(queues)}`);
    for (const queue of queues ?? []) requireName(queue, "each of queues");
    requireSignal(signal);
    const timeoutMs = timeout === undefined ? null : parseDuration(timeout, "timeout");
    // The call may have come before the stop, and waited for something else meanwhile.
    if (this.#stopError !== undefined) throw this.#stopError;
    await waitPatiently({
      ...{ clock: this.#deps.clock, timeoutMs, signal, what: "the queues were not empty" },
      listen: (resolve: Waiter["resolve"], reject) => {
        const waiter = { queues: queues === undefined ? null : new Set(queues), resolve, reject };
        this.#waiters.add(waiter);
        this.look();
        return () => void this.#waiters.delete(waiter);
      },
    });
  }

  /** Something has happened that may have emptied a queue. */
  look(): void {
    if (this.#waiters.size === 0) return;
    this.#isStale = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#deps.clock.endOfTurn(() => void this.#lookNow());
  }

  /** Nobody waits any more, or ever again. */
  stop(error: Error): void {
    this.#stopError = error;
    for (const waiter of this.#waiters) waiter.reject(error);
  }

  async #lookNow(): Promise<void> {
    while (this.#isStale && this.#waiters.size > 0) {
      this.#isStale = false;
      try {
        const busy = await this.#busyQueues();
        for (const waiter of this.#waiters) {
          const isBusy = [...busy].some((queue) => waiter.queues === null || waiter.queues.has(queue));
          if (!isBusy) waiter.resolve(true);
        }
      } catch (error) {
        for (const waiter of this.#waiters) waiter.reject(error);
      }
    }
    this.#isLooking = false;
  }

  /** Queues with jobs that threads can run now or after a failed run. */
  async #busyQueues(): Promise<ReadonlySet<string>> {
    const { storage, clock, names } = this.#deps;
    const [{ jobs }, { paused }] = await Promise.all([storage.count(clock.now()), storage.settings()]);
    const busy = new Set<string>();
    for (const { queue, name, state } of jobs) {
      if (state !== "waiting" && state !== "running" && state !== "retrying") continue;
      const known = names(queue);
      if (paused.includes(queue) || known === null) continue;
      if (known === undefined || known.includes(name) || state === "running") busy.add(queue);
    }
    return busy;
  }
}
