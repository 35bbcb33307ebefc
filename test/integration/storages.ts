/** Memory storages that are watched or get in the way. */

import { memoryStorage, type Storage } from "millrace";

/** A memory storage with some of its verbs replaced. */
export function replacing(verbs: (inner: Storage) => Partial<Storage>): Storage {
  const inner = memoryStorage();
  const own = verbs(inner);
  return new Proxy(inner, {
    get: (target, key) => {
      const value: unknown = Reflect.get(key in own ? own : target, key);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** A memory storage, and how many jobs each of its enqueue writes had. */
export function countingWrites(): { readonly storage: Storage; readonly writes: number[] } {
  const writes: number[] = [];
  const storage = replacing((inner) => ({
    enqueue: (jobs, now, limits) => {
      writes.push(jobs.length);
      return inner.enqueue(jobs, now, limits);
    },
  }));
  return { storage, writes };
}
