/** A storage that fails on purpose, in every way the contract allows, and the same way each time it is given the same seed. */

import { type Clock, systemClock } from "../clock.js";
import type { Storage, StorageChange } from "../storage/storage.js";
import { seededRandom } from "./seeded-random.js";

/** How often each fault happens, from 0 to 1: of all calls, or of all notifications. */
export interface FlakyRates {
  /** The call rejects and has changed nothing. */
  readonly rejectBefore: number;
  /** The call rejects though it has done its work. */
  readonly rejectAfter: number;
  /** The call answers only after a while. Its work is done at the begin, at the end, or in between. */
  readonly delay: number;
  /** The call never settles. Whether its work is done nobody can know. */
  readonly hang: number;
  /** The call does its work and answers long after anybody should have given up. */
  readonly late: number;
  readonly loseNotification: number;
  readonly doubleNotification: number;
}

export type StorageFault = keyof FlakyRates;

export interface FlakyOptions {
  /** Of what goes wrong. Default 1. */
  readonly seed?: number;
  /** Default: nothing goes wrong. */
  readonly rates?: Partial<FlakyRates>;
  /** Such as `manualClock()`. Default: real time. */
  readonly clock?: Clock;
  /** Default 100. */
  readonly longestDelayMs?: number;
  /** Default 60,000, which is longer than an engine waits. */
  readonly lateMs?: number;
}

export interface FlakyStorage extends Storage {
  /** Changes what goes wrong from now on. */
  setRates(rates: Partial<FlakyRates>): void;
  /** From now on nothing goes wrong. What already hangs goes on hanging. */
  calm(): void;
  /** How often each fault has happened. */
  readonly faults: Readonly<Record<StorageFault, number>>;
}

const NO_FAULTS: FlakyRates = Object.freeze({
  ...{ rejectBefore: 0, rejectAfter: 0, delay: 0, hang: 0, late: 0 },
  ...{ loseNotification: 0, doubleNotification: 0 },
});

/**
 * Wraps a storage so that its calls fail, hang and come late.
 *
 * @example
 * const storage = flakyStorage(memoryStorage(), { seed: 7, rates: { rejectAfter: 0.1, delay: 0.5 } });
 */
export function flakyStorage(storage: Storage, options: FlakyOptions = {}): FlakyStorage {
  const { seed = 1, clock = systemClock(), longestDelayMs = 100, lateMs = 60_000 } = options;
  const random = seededRandom(seed);
  const faults = { ...NO_FAULTS };
  let rates: FlakyRates = { ...NO_FAULTS, ...options.rates };

  const chance = (fault: StorageFault): boolean => {
    const happens = rates[fault] > 0 && random() < rates[fault];
    if (happens) faults[fault] += 1;
    return happens;
  };
  const pause = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(ms, resolve));

  async function call<Value>(verb: string, work: () => Promise<Value>): Promise<Value> {
    if (chance("hang")) {
      if (random() < 0.5) work().catch(() => undefined);
      return new Promise(() => undefined);
    }
    const isLate = chance("late");
    const waitMs = isLate ? lateMs : chance("delay") ? random() * longestDelayMs : 0;
    // Some of the wait lies before the work, the rest between the work and its answer.
    const beforeMs = waitMs * Math.min(random() * 1.5, 1);
    if (beforeMs > 0) await pause(beforeMs);
    if (!isLate && chance("rejectBefore")) throw new Error(`injected: ${verb} was not done`);
    const answer = await work();
    if (waitMs > beforeMs) await pause(waitMs - beforeMs);
    if (!isLate && chance("rejectAfter")) throw new Error(`injected: ${verb} was done, but the answer got lost`);
    return answer;
  }

  function notify(listener: (change: StorageChange) => void, change: StorageChange): void {
    if (chance("loseNotification")) return;
    listener(change);
    if (chance("doubleNotification")) clock.setTimer(random() * longestDelayMs, () => listener(change));
  }

  const subscribe = storage.subscribe?.bind(storage);
  return {
    name: storage.name,
    supports: storage.supports,
    faults,
    setRates: (changed) => {
      rates = { ...rates, ...changed };
    },
    calm: () => {
      rates = NO_FAULTS;
    },
    open: () => call("open", () => storage.open()),
    close: () => call("close", () => storage.close()),
    enqueue: (jobs, now, limits) => call("enqueue", () => storage.enqueue(jobs, now, limits)),
    claim: (request) => call("claim", () => storage.claim(request)),
    complete: (transitions) => call("complete", () => storage.complete(transitions)),
    cancel: (ids, now) => call("cancel", () => storage.cancel(ids, now)),
    change: (request) => call("change", () => storage.change(request)),
    prune: (request) => call("prune", () => storage.prune(request)),
    own: (runner) => call("own", () => storage.own(runner)),
    disown: (runner) => call("disown", () => storage.disown(runner)),
    reclaim: (request) => call("reclaim", () => storage.reclaim(request)),
    pause: (queue, paused) => call("pause", () => storage.pause(queue, paused)),
    saveSchedule: (schedule) => call("saveSchedule", () => storage.saveSchedule(schedule)),
    removeSchedule: (name) => call("removeSchedule", () => storage.removeSchedule(name)),
    tick: (request) => call("tick", () => storage.tick(request)),
    settings: () => call("settings", () => storage.settings()),
    get: (ids, now) => call("get", () => storage.get(ids, now)),
    list: (query) => call("list", () => storage.list(query)),
    count: (now) => call("count", () => storage.count(now)),
    nextDueIn: (now) => call("nextDueIn", () => storage.nextDueIn(now)),
    ...(subscribe === undefined ? {} : { subscribe: (listener) => subscribe((change) => notify(listener, change)) }),
  };
}
