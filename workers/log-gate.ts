/**
 * How many log lines may be on their way to the main side. A busy loop writes them faster than anyone can read them; without a
 * limit they would take all of the main thread, and all memory, and the deadline of that very loop would come late.
 */

import type { ControlBlock } from "../src/protocol/control-block.js";

const MOST_UNREAD = 1_000;

/** Shared by all runs of a lane. */
export class LogGate {
  readonly #control: ControlBlock;
  #sent = 0;
  /** Closed, it opens only when half of the lines are read, so that gaps are few. */
  #isClosed = false;

  constructor(control: ControlBlock) {
    this.#control = control;
  }

  /** Whether one more line may be sent now; it counts as sent then. */
  pass(): boolean {
    const unread = this.#sent - this.#control.logsRead;
    this.#isClosed = unread >= (this.#isClosed ? MOST_UNREAD / 2 : MOST_UNREAD);
    if (this.#isClosed) return false;
    this.count();
    return true;
  }

  /** A line is sent in any case. */
  count(): void {
    this.#sent += 1;
  }
}
