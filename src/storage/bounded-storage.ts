/** A storage whose every answer comes in time, if only as a `StorageError`: no caller waits for ever, or must know what a store throws. */

import type { Clock } from "../clock.js";
import { MillraceError, StorageError } from "../errors.js";
import { settledWithin } from "../waiting.js";
import type { Storage } from "./storage.js";

export function boundedStorage(storage: Storage, limit: { readonly ms: number; readonly clock: Clock }): Storage {
  async function bounded<Value>(verb: string, work: () => Promise<Value>): Promise<Value> {
    try {
      const answer = work();
      if (await settledWithin(answer, limit)) return await answer;
    } catch (error) {
      if (error instanceof MillraceError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new StorageError(`${storage.name} storage failed to ${verb}: ${reason}`, { cause: error });
    }
    throw new StorageError(`${storage.name} storage did not ${verb} within ${limit.ms} ms`);
  }
  const subscribe = storage.subscribe?.bind(storage);
  return {
    name: storage.name,
    supports: storage.supports,
    open: () => bounded("open", () => storage.open()),
    close: () => bounded("close", () => storage.close()),
    enqueue: (jobs, now) => bounded("enqueue", () => storage.enqueue(jobs, now)),
    claim: (request) => bounded("claim", () => storage.claim(request)),
    complete: (transitions) => bounded("complete", () => storage.complete(transitions)),
    cancel: (ids, now) => bounded("cancel", () => storage.cancel(ids, now)),
    change: (request) => bounded(request.action, () => storage.change(request)),
    prune: (request) => bounded("prune", () => storage.prune(request)),
    own: (runner) => bounded("own", () => storage.own(runner)),
    disown: (runner) => bounded("disown", () => storage.disown(runner)),
    reclaim: (request) => bounded("reclaim", () => storage.reclaim(request)),
    pause: (queue, paused) => bounded("pause", () => storage.pause(queue, paused)),
    saveSchedule: (schedule) => bounded("save a schedule", () => storage.saveSchedule(schedule)),
    removeSchedule: (name) => bounded("remove a schedule", () => storage.removeSchedule(name)),
    tick: (request) => bounded("tick", () => storage.tick(request)),
    settings: () => bounded("read settings", () => storage.settings()),
    get: (ids, now) => bounded("get", () => storage.get(ids, now)),
    list: (query) => bounded("list", () => storage.list(query)),
    count: (now) => bounded("count", () => storage.count(now)),
    nextDueIn: (now) => bounded("find the next due job", () => storage.nextDueIn(now)),
    ...(subscribe === undefined ? {} : { subscribe }),
  };
}
