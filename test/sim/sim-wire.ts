/** The messages between the two sides of a simulated thread. Those of one direction arrive in order. */

import type { Timer } from "../../src/clock.js";
import type { World } from "./world.js";

interface InFlight {
  readonly arrive: () => void;
  readonly timer: Timer;
}

export class SimWire {
  readonly #world: World;
  readonly #toMain = new Set<InFlight>();
  #arrivesAt = { toThread: 0, toMain: 0 };

  constructor(world: World) {
    this.#world = world;
  }

  toThread(arrive: () => void): void {
    this.#world.time.after(this.#delay("toThread"), arrive);
  }

  toMain(arrive: () => void): void {
    const timer = this.#world.time.after(this.#delay("toMain"), () => {
      this.#toMain.delete(message);
      arrive();
    });
    const message: InFlight = { arrive, timer };
    this.#toMain.add(message);
  }

  /** Whoever hears that a thread is gone looks first what it has said. */
  flushToMain(): void {
    for (const message of this.#toMain) {
      message.timer.cancel();
      this.#toMain.delete(message);
      message.arrive();
    }
  }

  #delay(direction: "toThread" | "toMain"): number {
    const { time, threads } = this.#world;
    const isSlow = this.#world.strikes("slowMessages", 0.3);
    if (isSlow) this.#world.note("slowMessages");
    const now = time.monotonic;
    const arrivesAt = Math.max(this.#arrivesAt[direction], now + (isSlow ? threads.between(1, 50) : threads.between(0.01, 0.1)));
    this.#arrivesAt[direction] = arrivesAt;
    return arrivesAt - now;
  }
}
