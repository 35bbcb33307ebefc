/**
 * A storage whose every answer comes in time, if only as a `StorageError`: no caller waits for ever, or must know what a
 * store throws.
 */

import type { Clock, Timer } from "../clock.js";
import { MillraceError, StorageError } from "../errors.js";
import { TurnBatch } from "../waiting.js";
import type { JobId } from "../job/job-record.js";
import type { Storage } from "./storage.js";

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

export function boundedStorage(storage: Storage, limit: StorageLimit): Storage {
  const { ms, clock } = limit;
  // Most answers come within the turn of the call. Only for others a timer is set.
  const slow = new TurnBatch<Call>(clock, (calls) => {
    for (const call of calls) if (!call.isOver) call.timer = clock.setTimer(ms, call.giveUp);
  });
  function bounded<Value>(verb: string, work: () => Promise<Value>, { failed = ignore, late = failed }: Doubt = {}): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      const end = (tell: () => void): void => {
        if (call.isOver) return late();
        call.isOver = true;
        call.timer?.cancel();
        tell();
      };
      const fail = (error: Error): void => {
        failed();
        reject(error);
      };
      const giveUp = (): void => end(() => fail(new StorageError(`${storage.name} storage did not ${verb} within ${ms} ms`)));
      const call: Call = { isOver: false, timer: undefined, giveUp };
      slow.add([call]);
      begin(work).then(
        (value) => end(() => resolve(value)),
        (error: unknown) => end(() => fail(toStorageError(error, `${storage.name} storage failed to ${verb}`))),
      );
    });
  }
  const doubtOf = (ids: readonly JobId[]): Doubt => ({ failed: () => limit.onDoubt(ids) });
  const doubt = doubtOf([]);
  // Whoever claims goes on to do so, and after a failure gives back what it does not know of.
  const late: Doubt = { late: () => limit.onDoubt([]) };
  const subscribe = storage.subscribe?.bind(storage);
  return {
    name: storage.name,
    supports: storage.supports,
    open: () => bounded("open", () => storage.open()),
    close: () => bounded("close", () => storage.close()),
    enqueue: (jobs, now, limits) => bounded("enqueue", () => storage.enqueue(jobs, now, limits), doubt),
    claim: (request) => bounded("claim", () => storage.claim(request), late),
    complete: (transitions) => bounded("complete", () => storage.complete(transitions)),
    cancel: (ids, now) => bounded("cancel", () => storage.cancel(ids, now), doubtOf(ids)),
    change: (request) => bounded(request.action, () => storage.change(request), doubtOf([request.id])),
    prune: (request) => bounded("prune", () => storage.prune(request)),
    own: (runner) => bounded("own", () => storage.own(runner), { late: () => void storage.disown(runner).catch(ignore) }),
    disown: (runner) => bounded("disown", () => storage.disown(runner)),
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
  };
}

/** A call that is under way. */
interface Call {
  isOver: boolean;
  timer: Timer | undefined;
  readonly giveUp: () => void;
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
  readonly late?: () => void;
}

function ignore(): void {
  // What is only read, or repeated until it succeeds, leaves no doubt.
}
