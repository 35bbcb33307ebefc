/** Whether there is room for more jobs, in the file that everybody finds under its name. */

import { statfsSync, statSync } from "node:fs";
import type { Clock } from "../../clock.js";
import { StorageError } from "../../errors.js";
import type { StoreOptions } from "./calls.js";

/** The disk is asked so often. */
const PAUSE_MS = 1_000;

export class Room {
  readonly #options: Pick<StoreOptions, "path" | "minFreeSpace">;
  readonly #clock: Pick<Clock, "monotonic">;
  /** Tells the file from others that have its path later. */
  readonly #inode: number;
  #askedAt = -Infinity;
  #free = Infinity;

  constructor(options: Pick<StoreOptions, "path" | "minFreeSpace">, clock: Pick<Clock, "monotonic">) {
    this.#options = options;
    this.#clock = clock;
    this.#inode = statSync(options.path).ino;
  }

  /** Before the disk is full, so that what runs can still be completed. @throws StorageError */
  require(): void {
    const { path, minFreeSpace } = this.#options;
    const now = this.#clock.monotonic();
    if (now - this.#askedAt >= PAUSE_MS) {
      this.#requireSameFile();
      const { bavail, bsize } = statfsSync(path);
      this.#free = bavail * bsize;
      this.#askedAt = now;
    }
    if (this.#free >= minFreeSpace) return;
    throw new StorageError(`${path}: only ${this.#free} bytes are free on its disk, less than minFreeSpace (${minFreeSpace}): nothing is enqueued until there is more room. Jobs that are stored go on`);
  }

  /** One that was removed can still be written to as long as it is open, but nobody finds it again. @throws StorageError */
  #requireSameFile(): void {
    const { path } = this.#options;
    if (statSync(path, { throwIfNoEntry: false })?.ino === this.#inode) return;
    throw new StorageError(`${path} was removed or replaced while it was open, and what is enqueued now would be lost with it: stop all that use it, move its -wal and -shm away, and restore it from a backup`);
  }
}
