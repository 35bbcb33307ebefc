/**
 * A storage whose every answer comes in time, if only as a `StorageError`: no caller waits for ever, or must know what a
 * store throws.
 */

import type { Clock } from "../clock.js";
import { MillraceError, StorageError } from "../errors.js";
import { settledWithin } from "../waiting.js";
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
  async function bounded<Value>(verb: string, work: () => Promise<Value>, { failed = ignore, late = failed }: Doubt = {}): Promise<Value> {
    try {
      const answer = work();
      if (await settledWithin(answer, limit)) return await answer;
      answer.then(late, late);
      failed();
    } catch (error) {
      failed();
      if (error instanceof MillraceError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new StorageError(`${storage.name} storage failed to ${verb}: ${reason}`, { cause: error });
    }
    throw new StorageError(`${storage.name} storage did not ${verb} within ${limit.ms} ms`);
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

/** What to do when it is unknown what a call did: at once, and when it comes after it was given up. */
interface Doubt {
  readonly failed?: () => void;
  readonly late?: () => void;
}

function ignore(): void {
  // What is only read, or repeated until it succeeds, leaves no doubt.
}
