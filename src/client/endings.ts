/**
 * Finds out how jobs ended that were finished or removed elsewhere, and tells those who await them. A storage that fails is asked
 * again: nobody else would tell.
 */

import type { Clock, Timer } from "../clock.js";
import type { JobId } from "../job/job-record.js";
import type { JobReader } from "../storage/storage.js";
import type { Awaited } from "./awaited.js";
import { endingOf, type Results } from "./results.js";

const RETRY_MS = 1_000;
const MOST_AT_ONCE = 1_000;

export interface EndingsDeps {
  readonly storage: Pick<JobReader, "get">;
  readonly clock: Clock;
  readonly results: Results;
  readonly onError: (error: unknown) => void;
}

export class Endings {
  readonly #deps: EndingsDeps;
  #ids = new Set<JobId>();
  #isLooking = false;
  #isStopped = false;
  #timer: Timer | undefined;

  constructor(deps: EndingsDeps) {
    this.#deps = deps;
  }

  /** Some of these jobs may have ended. */
  note(ids: readonly JobId[]): void {
    for (const id of this.#deps.results.known(ids)) this.#ids.add(id);
    if (!this.#isLooking && this.#timer === undefined) void this.#lookUpAll();
  }

  /** What ends when the job does, also when it already has. Rejects if that cannot be found out. */
  async follow(id: JobId): Promise<Awaited> {
    const awaited = this.#deps.results.open(id);
    await this.#lookUp([id]);
    return awaited;
  }

  stop(): void {
    this.#isStopped = true;
    this.#ids.clear();
    this.#timer?.cancel();
  }

  async #lookUpAll(): Promise<void> {
    this.#isLooking = true;
    while (this.#ids.size > 0 && this.#timer === undefined) {
      const ids = [...this.#ids].slice(0, MOST_AT_ONCE);
      for (const id of ids) this.#ids.delete(id);
      try {
        await this.#lookUp(ids);
      } catch (error) {
        this.#retryLater(ids);
        this.#deps.onError(error);
      }
    }
    this.#isLooking = false;
  }

  async #lookUp(ids: readonly JobId[]): Promise<void> {
    const { storage, clock, results } = this.#deps;
    const rows = await storage.get(ids, clock.now());
    ids.forEach((id, index) => {
      const ending = endingOf(rows[index], id);
      if (ending !== undefined) results.settle(id, ending);
    });
  }

  #retryLater(ids: Iterable<JobId>): void {
    if (this.#isStopped) return;
    for (const id of ids) this.#ids.add(id);
    this.#timer = this.#deps.clock.setTimer(RETRY_MS, () => {
      this.#timer = undefined;
      void this.#lookUpAll();
    });
  }
}
