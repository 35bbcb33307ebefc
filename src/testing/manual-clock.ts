/** A clock that stands still until it is told to go on, and whose random numbers follow from a seed. */

import { type Clock, systemClock, type Timer } from "../clock.js";
import { nextTurn } from "../waiting.js";
import { seededRandom } from "./seeded-random.js";

export interface ManualClock extends Clock {
  /** Lets everything that is under way finish that needs no time. */
  settle(): Promise<void>;
  /** Goes on by `ms`, firing each timer at its time and letting what it causes finish. */
  advance(ms: number): Promise<void>;
  /** Fires the next timer, at its time. False if there is none. */
  advanceToNextTimer(): Promise<boolean>;
  /** Lets the wall clock jump, as after a correction or a suspend. Timers do not notice. */
  jump(ms: number): void;
  /** Timers that have not fired. */
  readonly timers: number;
}

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/**
 * @param options.startAt wall time in ms since the epoch
 * @param options.seed of the random numbers
 */
export function manualClock({ startAt = 1_700_000_000_000, seed = 1 }: { readonly startAt?: number; readonly seed?: number } = {}): ManualClock {
  const system = systemClock();
  const entries = new Set<Entry>();
  let wall = startAt;
  let monotonic = 0;
  let order = 0;
  let turnsUnderWay = 0;

  function next(): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of entries) {
      if (first === undefined || entry.at < first.at || (entry.at === first.at && entry.order < first.order)) first = entry;
    }
    return first;
  }

  function goTo(time: number): void {
    const ms = Math.max(time - monotonic, 0);
    wall += ms;
    monotonic += ms;
  }

  async function settle(): Promise<void> {
    do await nextTurn(system);
    while (turnsUnderWay > 0);
  }

  async function advance(ms: number): Promise<void> {
    const target = monotonic + ms;
    await settle();
    for (let entry = next(); entry !== undefined && entry.at <= target; entry = next()) {
      goTo(entry.at);
      entries.delete(entry);
      entry.fire();
      await settle();
    }
    goTo(target);
    await settle();
  }

  return {
    now: () => wall,
    monotonic: () => monotonic,
    setTimer: (delayMs, fire): Timer => {
      const entry = { at: monotonic + Math.max(delayMs, 0), order: order++, fire };
      entries.add(entry);
      return { cancel: () => void entries.delete(entry) };
    },
    endOfTurn: (run) => {
      turnsUnderWay += 1;
      system.endOfTurn(() => {
        turnsUnderWay -= 1;
        run();
      });
    },
    random: seededRandom(seed),
    hold: () => system.hold(),
    settle,
    advance,
    advanceToNextTimer: async () => {
      await settle();
      const entry = next();
      if (entry === undefined) return false;
      await advance(entry.at - monotonic);
      return true;
    },
    jump: (ms) => {
      wall += ms;
    },
    get timers() {
      return entries.size;
    },
  };
}
