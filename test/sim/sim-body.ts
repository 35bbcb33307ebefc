/** The inside of one simulated thread: one thing happens at a time, and while some code holds the thread, nothing else does. */

import type { RunIdentity } from "../../src/protocol/messages.js";
import type { SimTime } from "./sim-clock.js";
import { SimClock } from "./sim-clock.js";

/** Whose code it is. */
export type Whose = RunIdentity | "nobody";

export class SimBody {
  readonly clock: SimClock;
  /** What the thread has not come to while it was held. */
  readonly #backlog: (() => void)[] = [];
  #holder: Whose | null = null;
  #isHalted = false;

  constructor(time: SimTime) {
    this.clock = new SimClock(time, 0);
  }

  /** Whose code holds the thread now. */
  get holder(): Whose | null {
    return this.#holder;
  }

  /** Nothing happens in it any more. */
  get isHalted(): boolean {
    return this.#isHalted;
  }

  halt(): void {
    this.#isHalted = true;
    this.clock.cut();
  }

  /** Does something in the thread, as soon as nobody holds it. */
  enter(act: () => void): void {
    if (this.#isHalted) return;
    if (this.#holder !== null) this.#backlog.push(act);
    else act();
  }

  later(ms: number, act: () => void): void {
    this.clock.setTimer(ms, () => this.enter(act));
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.later(ms, resolve));
  }

  /** Runs without a break: nothing else happens in the thread. */
  block(ms: number, whose: Whose): Promise<void> {
    return new Promise((resolve) => {
      this.enter(() => {
        this.#holder = whose;
        if (ms === Infinity) return;
        this.clock.setTimer(ms, () => {
          this.#holder = null;
          resolve();
          this.#catchUp();
        });
      });
    });
  }

  #catchUp(): void {
    this.clock.endOfTurn(() => {
      if (this.#holder !== null || this.#isHalted) return;
      this.#backlog.shift()?.();
      if (this.#backlog.length > 0) this.#catchUp();
    });
  }
}
