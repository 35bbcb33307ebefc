/** The storage as one engine sees it: the shared one, with all that it does written into the ledger. */

import type { Storage, StorageChange } from "../../src/storage/storage.js";
import type { Ledger } from "./ledger.js";

/** What lies between an engine and the storage. */
export interface LedgerStorage extends Storage {
  /** Who has tried to own the storage through this view. */
  readonly runners: ReadonlySet<string>;
  /** All calls so far. */
  readonly calls: number;
  /** The process at this end died: it neither calls nor hears any more. */
  cut(): void;
}

/**
 * Writes entries in the order of the calls. A storage may notify an engine in the middle of a call, and the engine may call it
 * again at once: the answer of the inner call comes first, though its work was done second.
 */
export class Journal {
  #nextCall = 0;
  #nextEntry = 0;
  readonly #entries = new Map<number, () => void>();

  /** A call begins; what it gives is called when the call is over. */
  begin(): (entry: () => void) => void {
    const place = this.#nextCall;
    this.#nextCall += 1;
    return (entry) => {
      this.#entries.set(place, entry);
      for (let next = this.#entries.get(this.#nextEntry); next !== undefined; next = this.#entries.get(this.#nextEntry)) {
        this.#entries.delete(this.#nextEntry);
        this.#nextEntry += 1;
        next();
      }
    };
  }
}

export function ledgerStorage(storage: Storage, { ledger, journal }: { readonly ledger: Ledger; readonly journal: Pick<Journal, "begin"> }): LedgerStorage {
  const runners = new Set<string>();
  let calls = 0;
  let isCut = false;

  async function call<Value>(work: () => Promise<Value>, record?: (value: Value) => void): Promise<Value> {
    if (isCut) return new Promise(() => undefined);
    calls += 1;
    const write = journal.begin();
    let value: Value;
    try {
      value = await work();
    } catch (error) {
      write(() => undefined);
      throw error;
    }
    write(() => record?.(value));
    // Who died meanwhile does not hear the answer.
    return isCut ? new Promise(() => undefined) : value;
  }

  const subscribe = storage.subscribe?.bind(storage);
  return {
    name: storage.name,
    supports: storage.supports,
    runners,
    get calls() {
      return calls;
    },
    cut: () => {
      isCut = true;
    },
    open: () => call(() => storage.open()),
    close: () => call(() => storage.close()),
    enqueue: (jobs, now, limits) =>
      call(
        () => storage.enqueue(jobs, now, limits),
        (enqueued) =>
          jobs.forEach((job, index) => {
            const answer = enqueued[index];
            if (answer !== undefined && answer !== "full" && !answer.duplicate) ledger.stored(job);
          }),
      ),
    claim: (request) =>
      call(
        () => storage.claim(request),
        (jobs) => jobs.forEach((job) => ledger.claimed(job, request)),
      ),
    complete: (transitions) =>
      call(
        () => storage.complete(transitions),
        (applied) => transitions.forEach((transition, index) => ledger.completed(transition, applied[index] === true)),
      ),
    cancel: (ids, now) =>
      call(
        () => storage.cancel(ids, now),
        (results) => results.forEach((result, index) => ledger.cancelled(ids[index] ?? "", result)),
      ),
    change: (request) =>
      call(
        () => storage.change(request),
        (result) => ledger.changed(request, result),
      ),
    prune: (request) => call(() => storage.prune(request)),
    own: (runner) => {
      runners.add(runner);
      return call(
        () => storage.own(runner),
        () => ledger.deaths?.owned(runner),
      );
    },
    disown: (runner) =>
      call(
        () => storage.disown(runner),
        () => ledger.deaths?.left(runner),
      ),
    reclaim: (request) =>
      call(
        () => storage.reclaim(request),
        (rows) => rows.forEach((row) => ledger.reclaimed(row)),
      ),
    pause: (queue, paused) => call(() => storage.pause(queue, paused)),
    saveSchedule: (schedule) => call(() => storage.saveSchedule(schedule)),
    removeSchedule: (name) => call(() => storage.removeSchedule(name)),
    tick: (request) =>
      call(
        () => storage.tick(request),
        (outcome) => void (outcome === "ticked" && ledger.stored(request.job)),
      ),
    settings: () => call(() => storage.settings()),
    get: (ids, now) => call(() => storage.get(ids, now)),
    list: (query) => call(() => storage.list(query)),
    count: (now) => call(() => storage.count(now)),
    nextDueIn: (now) => call(() => storage.nextDueIn(now)),
    ...(subscribe === undefined
      ? {}
      : { subscribe: (listener: (change: StorageChange) => void) => subscribe((change) => void (isCut || listener(change))) }),
  };
}
