/** What all parts of one simulated run share. */

import { Dice } from "./dice.js";
import { Ledger } from "./ledger.js";
import type { Plan } from "./plan.js";
import { SimTime } from "./sim-clock.js";
import { Trace } from "./trace.js";

/** Beyond this the world has run away. */
const MOST_STEPS = 300_000;

export class World {
  readonly plan: Plan;
  readonly time: SimTime = new SimTime(MOST_STEPS);
  readonly trace: Trace;
  readonly ledger: Ledger;
  readonly calls: Dice;
  readonly threads: Dice;
  /** How often each fault has happened. */
  readonly happened: Map<string, number> = new Map();
  /** Which threads run a probe now, by queue, and how many that were at most. */
  readonly probes: Probes = new Probes();
  /** No more faults. */
  isCalm = false;

  constructor(plan: Plan, options: { readonly keepTrace: boolean }) {
    this.plan = plan;
    this.calls = new Dice(plan.seed, 1);
    this.threads = new Dice(plan.seed, 2);
    this.trace = new Trace(this.time, options.keepTrace);
    this.ledger = new Ledger(this.time, this.trace);
  }

  enabled(feature: string): boolean {
    return this.plan.enabled.has(feature);
  }

  /** Whether a thread fault happens now. The caller notes it when it really does. */
  strikes(fault: string, rate: number = this.plan.threadRate): boolean {
    return !this.isCalm && this.enabled(fault) && this.threads.chance(rate);
  }

  /** In simulated time. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.time.after(ms, resolve));
  }

  note(fault: string, times = 1): void {
    this.happened.set(fault, (this.happened.get(fault) ?? 0) + times);
  }
}

/** Jobs that show how many threads of a queue work at the same time. */
export class Probes {
  readonly #running = new Map<string, Map<number, number>>();
  readonly #most = new Map<string, number>();

  most(queue: string): number {
    return this.#most.get(queue) ?? 0;
  }

  /** @param change 1 for one that starts, -1 for one that ends */
  count({ queue, number }: { readonly queue: string; readonly number: number }, change: 1 | -1): void {
    const threads = this.#running.get(queue) ?? new Map<number, number>();
    this.#running.set(queue, threads);
    threads.set(number, (threads.get(number) ?? 0) + change);
    const busy = [...threads.values()].filter((count) => count > 0).length;
    this.#most.set(queue, Math.max(this.most(queue), busy));
  }
}
