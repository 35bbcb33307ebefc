/** A file beside the store that is touched when others should look: a process that watches it need not ask again and again. */

import { closeSync, futimesSync, openSync, watch, type FSWatcher } from "node:fs";
import type { Clock, Timer } from "../../clock.js";

/** So often at most, however much is written. */
const PAUSE_MS = 10;

export class Bell {
  readonly #clock: Clock;
  readonly #handle: number;
  readonly #watcher: FSWatcher;
  #rungAt = -Infinity;
  #ringing: Timer | undefined;

  /** @param onRing may be called without a reason, and not at all where files cannot be watched */
  constructor(path: string, clock: Clock, onRing: () => void) {
    this.#clock = clock;
    this.#handle = openSync(path, "a");
    try {
      this.#watcher = watch(path, { persistent: false }, onRing);
    } catch (error) {
      closeSync(this.#handle);
      throw error;
    }
    // Whoever asks once a second finds out too.
    this.#watcher.on("error", () => this.#watcher.close());
  }

  ring(): void {
    if (this.#ringing !== undefined) return;
    const waitMs = this.#rungAt + PAUSE_MS - this.#clock.monotonic();
    if (waitMs <= 0) return this.#ringNow();
    this.#ringing = this.#clock.setTimer(waitMs, () => {
      this.#ringing = undefined;
      this.#ringNow();
    });
  }

  #ringNow(): void {
    this.#rungAt = this.#clock.monotonic();
    try {
      const now = this.#clock.now() / 1_000;
      futimesSync(this.#handle, now, now);
    } catch {
      // It was closed meanwhile, or the folder is gone: the next write tells.
    }
  }

  close(): void {
    this.#ringing?.cancel();
    this.#watcher.close();
    closeSync(this.#handle);
  }
}
