/** Collects what the verbs of one transaction change, for those who subscribed to the store. */

import type { JobId } from "../../job/job-record.js";
import type { StorageChange } from "../storage.js";

export class Changes {
  readonly #ready = new Set<string>();
  #finished: JobId[] = [];
  #cancelling: JobId[] = [];
  #settings = false;

  ready(queue: string): void {
    this.#ready.add(queue);
  }

  finished(id: JobId): void {
    this.#finished.push(id);
  }

  cancelling(id: JobId): void {
    this.#cancelling.push(id);
  }

  settings(): void {
    this.#settings = true;
  }

  get finishedIds(): readonly JobId[] {
    return this.#finished;
  }

  /** What there was, once. */
  take(): StorageChange[] {
    const changes: StorageChange[] = [];
    if (this.#settings) changes.push({ kind: "settings" });
    if (this.#ready.size > 0) changes.push({ kind: "ready", queues: [...this.#ready] });
    if (this.#finished.length > 0) changes.push({ kind: "finished", ids: this.#finished });
    if (this.#cancelling.length > 0) changes.push({ kind: "cancelling", ids: this.#cancelling });
    this.#ready.clear();
    this.#finished = [];
    this.#cancelling = [];
    this.#settings = false;
    return changes;
  }
}
