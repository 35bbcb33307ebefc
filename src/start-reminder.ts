/** For the first mistake that everybody makes once: a job is awaited, and nobody runs it. */

import type { Clock, Timer } from "./clock.js";

const PATIENCE_MS = 5_000;
const MESSAGE =
  "a job is awaited, but the engine, which has jobs, has not been started: call engine.start(), or make it without jobs where another engine runs them";

/** Warns once, if an engine has not been started a while after somebody began to wait for a job. */
export class StartReminder {
  readonly #clock: Pick<Clock, "setTimer">;
  #timer: Timer | undefined;
  #isNeeded: boolean;

  /** @param isNeeded the engine has jobs to run */
  constructor(clock: Pick<Clock, "setTimer">, isNeeded: boolean) {
    this.#clock = clock;
    this.#isNeeded = isNeeded;
  }

  /** Somebody waits for a job. */
  note(): void {
    if (!this.#isNeeded) return;
    this.#timer ??= this.#clock.setTimer(PATIENCE_MS, () => process.emitWarning(MESSAGE, "MillraceWarning"));
  }

  /** Somebody has tried to start it, or stops it. */
  stop(): void {
    this.#isNeeded = false;
    this.#timer?.cancel();
  }
}
