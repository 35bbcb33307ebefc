/** For the first mistake that everybody makes once: a job is awaited, and nobody runs it. */

import type { Clock } from "./clock.js";

const PATIENCE_MS = 5_000;

/** Warns, once, if an engine that was made to run jobs has not been started a while after somebody began to wait for one. */
export class StartReminder {
  readonly #clock: Pick<Clock, "setTimer">;
  readonly #mayStart: () => boolean;
  #isSet = false;

  /** @param mayStart it has jobs, and was neither started nor stopped */
  constructor(clock: Pick<Clock, "setTimer">, mayStart: () => boolean) {
    this.#clock = clock;
    this.#mayStart = mayStart;
  }

  /** Somebody waits for a job. */
  note(): void {
    if (this.#isSet || !this.#mayStart()) return;
    this.#isSet = true;
    this.#clock.setTimer(PATIENCE_MS, () => {
      if (this.#mayStart()) process.emitWarning("a job is awaited, but the engine has not been started: call engine.start()", "MillraceWarning");
    });
  }
}
