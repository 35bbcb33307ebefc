/**
 * A storage whose every answer comes in time, if only as a `StorageError`: no caller waits for ever, or must know what a
 * store throws.
 */

import type { Clock, Timer } from "../clock.js";
import { MillraceError, StorageError } from "../errors.js";
import { insist, TurnBatch } from "../waiting.js";
import type { JobId } from "../job/job-record.js";
import type { Storage } from "./storage.js";

/** An ownership that came too late is given back for so long. */
const UNDO_MS = 5_000;

export interface StorageLimit {
  readonly ms: number;
  readonly clock: Clock;
  /**
   * A write has failed, or came after it was given up: what it did, nobody was told. Called again when a write that was given
   * up is over after all.
   *
   * @param ids of the jobs it was about, as far as they have been stored before
   */
  readonly onDoubt: (ids: readonly JobId[]) => void;
}

export interface BoundedStorage extends Storage {
  /** Nobody needs it any more: what is under way is given up now, and what somebody still has to clean up within `ms` for each call. */
  end(ms: number): void;
}

export function boundedStorage(storage: Storage, limit: StorageLimit): BoundedStorage {
  const { clock } = limit;
  let { ms } = limit;
  const underWay = new Set<Call>();
  // Most answers come within the turn of the call. Only for others a timer is set.
  const slow = new TurnBatch<Call>(clock, (calls) => {
    for (const call of calls) {
      if (call.isOver) continue;
      const longest = ms;
      call.timer = clock.setTimer(longest, () => call.giveUp(`within ${longest} ms`));
      underWay.add(call);
    }
  });
  function bounded<Value>(verb: string, work: () => Promise<Value>, { failed = ignore, late = failed }: Doubt = {}): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      const end = (tell: () => void, isDone: boolean): void => {
        if (call.isOver) return late(isDone);
        call.isOver = true;
        call.timer?.cancel();
        underWay.delete(call);
        tell();
      };
      const fail = (error: Error): void => {
        failed();
        reject(error);
      };
      const giveUp = (when: string): void => end(() => fail(new StorageError(`${storage.name} storage did not ${verb} ${when}`)), false);
      const call: Call = { isOver: false, timer: undefined, giveUp };
      slow.add([call]);
      begin(work).then(
        (value) => end(() => resolve(value), true),
        (error: unknown) => end(() => fail(toStorageError(error, `${storage.name} storage failed to ${verb}`)), false),
      );
    });
  }
  const doubtOf = (ids: readonly JobId[]): Doubt => ({ failed: () => limit.onDoubt(ids) });
  const doubt = doubtOf([]);
  // Whoever claims goes on to do so, and after a failure gives back what it does not know of.
  const late: Doubt = { late: () => limit.onDoubt([]) };
  const close = (): Promise<void> => bounded("close", () => storage.close());
  const disown = (runner: string): Promise<void> => bounded("disown", () => storage.disown(runner));
  // What came too late to be of use is undone: nobody else would.
  const closeLate = (isDone: boolean): void => void (isDone && close().catch(ignore));
  const disownLate = (runner: string): void => void insist(() => disown(runner), { ms: UNDO_MS, clock }).catch(ignore);
  const subscribe = storage.subscribe?.bind(storage);
  return {
    name: storage.name,
    supports: storage.supports,
    open: () => bounded("open", () => storage.open(), { late: closeLate }),
    close,
    enqueue: (jobs, now, limits) => bounded("enqueue", () => storage.enqueue(jobs, now, limits), doubt),
    claim: (request) => bounded("claim", () => storage.claim(request), late),
    complete: (transitions) => bounded("complete", () => storage.complete(transitions)),
    cancel: (ids, now) => bounded("cancel", () => storage.cancel(ids, now), doubtOf(ids)),
    change: (request) => bounded(request.action, () => storage.change(request), doubtOf([request.id])),
    prune: (request) => bounded("prune", () => storage.prune(request)),
    own: (runner) => bounded("own", () => storage.own(runner), { late: () => disownLate(runner) }),
    disown,
    reclaim: (request) => bounded("reclaim", () => storage.reclaim(request), late),
    pause: (queue, paused) => bounded("pause", () => storage.pause(queue, paused), doubt),
    saveSchedule: (schedule) => bounded("save a schedule", () => storage.saveSchedule(schedule)),
    removeSchedule: (name) => bounded("remove a schedule", () => storage.removeSchedule(name)),
    tick: (request) => bounded("tick", () => storage.tick(request), doubt),
    settings: () => bounded("read settings", () => storage.settings()),
    get: (ids, now) => bounded("get", () => storage.get(ids, now)),
    list: (query) => bounded("list", () => storage.list(query)),
    count: (now) => bounded("count", () => storage.count(now)),
    nextDueIn: (now) => bounded("find the next due job", () => storage.nextDueIn(now)),
    ...(subscribe === undefined ? {} : { subscribe }),
    end: (lastMs) => {
      ms = lastMs;
      for (const call of [...underWay]) call.giveUp("before the engine stopped");
    },
  };
}

/** A call that is under way. */
interface Call {
  isOver: boolean;
  timer: Timer | undefined;
  readonly giveUp: (when: string) => void;
}

/** What is thrown at once is a rejection like any other, and a store that forgets to return a promise has answered. */
function begin<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return Promise.resolve(work());
  } catch (error) {
    return Promise.reject(error);
  }
}

function toStorageError(error: unknown, what: string): MillraceError {
  if (error instanceof MillraceError) return error;
  return new StorageError(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}

/** What to do when it is unknown what a call did: at once, and when it comes after it was given up. */
interface Doubt {
  readonly failed?: () => void;
  /** @param isDone whether it has succeeded */
  readonly late?: (isDone: boolean) => void;
}

function ignore(): void {
  // What is only read, or repeated until it succeeds, leaves no doubt.
}
