/** Waiting with a bound: no promise of the outside world is awaited without one. */

import type { Clock } from "./clock.js";

export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

export function deferred<Value = void>(): Deferred<Value> {
  let resolve!: (value: Value) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<Value>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

export interface WaitLimit {
  readonly ms: number;
  readonly clock: Clock;
}

/** True when `promise` has settled, either way; false when the limit came first. */
export async function settledWithin(promise: Promise<unknown>, { ms, clock }: WaitLimit): Promise<boolean> {
  const over = deferred<boolean>();
  const timer = clock.setTimer(ms, () => over.resolve(false));
  const settled = promise.then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([settled, over.promise]);
  timer.cancel();
  return inTime;
}

const INSIST_PAUSE_MS = 100;

/**
 * Repeats a call that fails until it succeeds or the limit is over.
 *
 * @throws its last error
 */
export async function insist<Value>(call: () => Promise<Value>, { ms, clock }: WaitLimit): Promise<Value> {
  const lastAt = clock.monotonic() + ms - INSIST_PAUSE_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (clock.monotonic() >= lastAt) throw error;
      const pause = deferred();
      clock.setTimer(INSIST_PAUSE_MS, pause.resolve);
      await pause.promise;
    }
  }
}

export interface PatientWait<Value> {
  readonly clock: Clock;
  readonly timeoutMs: number | null;
  readonly signal: AbortSignal | undefined;
  /** For the error after `timeoutMs`: what did not happen. */
  readonly what: string;
  /** Begins to listen, and returns what ends that. */
  readonly listen: (resolve: (value: Value) => void, reject: (error: unknown) => void) => () => void;
}

/**
 * Waits as long as a user wants, and keeps the process alive meanwhile.
 *
 * @throws a `TimeoutError` after `timeoutMs`; the reason of `signal`
 */
export function waitPatiently<Value>({ clock, timeoutMs, signal, what, listen }: PatientWait<Value>): Promise<Value> {
  if (signal?.aborted === true) return Promise.reject(signal.reason);
  const { promise, resolve, reject } = deferred<Value>();
  const release = clock.hold();
  const stopListening = listen(resolve, reject);
  // At once: what comes from now on is for somebody else.
  const giveUp = (error: unknown): void => {
    stopListening();
    reject(error);
  };
  const onTimeout = (): void => giveUp(new DOMException(`${what} within ${timeoutMs} ms`, "TimeoutError"));
  const timer = timeoutMs === null ? undefined : clock.setTimer(timeoutMs, onTimeout);
  const stopHearing = signal === undefined ? undefined : onAbort(signal, () => giveUp(signal.reason));
  return promise.finally(() => {
    stopListening();
    timer?.cancel();
    stopHearing?.();
    release();
  });
}

/** Resolves when the present turn of the event loop is over. */
export function nextTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.endOfTurn(resolve));
}

interface AbortListeners {
  readonly entries: Set<() => void>;
  readonly tellAll: () => void;
}

const abortListeners = new WeakMap<AbortSignal, AbortListeners>();

/**
 * Calls `listener` when the signal aborts. However many listen, the signal has one listener: Node warns of more than ten.
 *
 * @returns what ends that before
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const { entries, tellAll } = abortListeners.get(signal) ?? listenTo(signal);
  const entry = (): void => listener();
  entries.add(entry);
  return () => {
    entries.delete(entry);
    if (entries.size > 0 || abortListeners.get(signal)?.entries !== entries) return;
    signal.removeEventListener("abort", tellAll);
    abortListeners.delete(signal);
  };
}

function listenTo(signal: AbortSignal): AbortListeners {
  const entries = new Set<() => void>();
  const tellAll = (): void => {
    abortListeners.delete(signal);
    for (const entry of [...entries]) entry();
  };
  const listeners = { entries, tellAll };
  abortListeners.set(signal, listeners);
  signal.addEventListener("abort", tellAll, { once: true });
  return listeners;
}

/** What the engine may do at a stretch before it lets others run. */
export const SLICE_MS = 2;

/**
 * Lets others run. A storage in memory answers without a turn of the event loop, so calls that are awaited one after the other
 * would keep it for themselves.
 */
export class Breather {
  readonly #clock: Clock;
  #turnStartedAt: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves at once, or in the next turn of the event loop when this one has lasted long enough. */
  async breathe(): Promise<void> {
    const now = this.#clock.monotonic();
    if (this.#turnStartedAt === null) {
      this.#turnStartedAt = now;
      this.#clock.endOfTurn(() => {
        this.#turnStartedAt = null;
      });
    } else if (now - this.#turnStartedAt > SLICE_MS) {
      await nextTurn(this.#clock);
    }
  }
}

/** Collects what comes in one turn of the event loop, and hands all of it on at its end. */
export class TurnBatch<Item> {
  readonly #clock: Pick<Clock, "endOfTurn">;
  readonly #take: (items: readonly Item[]) => void;
  #items: Item[] = [];

  constructor(clock: Pick<Clock, "endOfTurn">, take: (items: readonly Item[]) => void) {
    this.#clock = clock;
    this.#take = take;
  }

  add(items: readonly Item[]): void {
    if (this.#items.length === 0 && items.length > 0) this.#clock.endOfTurn(() => this.#end());
    for (const item of items) this.#items.push(item);
  }

  #end(): void {
    const items = this.#items;
    this.#items = [];
    this.#take(items);
  }
}
