import type { JobId } from "../../job/job-record.js";
import type { StorageChange } from "../storage.js";

/** Collects what one verb changes, and tells the subscribers when it is done. */
export class ChangeFeed {
  readonly #listeners = new Set<{ readonly listener: (change: StorageChange) => void }>();
  #ready = new Set<string>();
  #finished: JobId[] = [];
  #cancelling: JobId[] = [];
  #settings = false;

  subscribe(listener: (change: StorageChange) => void): () => void {
    // Wrapped, so that one function may subscribe twice.
    const entry = { listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  ready(queue: string): void {
    if (this.#listeners.size > 0) this.#ready.add(queue);
  }

  finished(id: JobId): void {
    if (this.#listeners.size > 0) this.#finished.push(id);
  }

  cancelling(id: JobId): void {
    if (this.#listeners.size > 0) this.#cancelling.push(id);
  }

  settings(): void {
    this.#settings = true;
  }

  /** At the end of a verb. A listener may call the store: it finds the verb done and the feed empty. */
  flush(): void {
    const changes: StorageChange[] = [];
    if (this.#settings) changes.push({ kind: "settings" });
    if (this.#ready.size > 0) changes.push({ kind: "ready", queues: [...this.#ready] });
    if (this.#finished.length > 0) changes.push({ kind: "finished", ids: this.#finished });
    if (this.#cancelling.length > 0) changes.push({ kind: "cancelling", ids: this.#cancelling });
    if (changes.length === 0) return;
    this.#ready = new Set();
    this.#finished = [];
    this.#cancelling = [];
    this.#settings = false;
    for (const { listener } of [...this.#listeners]) {
      for (const change of changes) tell(listener, change);
    }
  }
}

function tell(listener: (change: StorageChange) => void, change: StorageChange): void {
  try {
    listener(change);
  } catch {
    // The write has happened. Its caller must not get the error of somebody else who only wanted a hint.
  }
}
