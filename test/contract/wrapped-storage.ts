import type { Storage } from "../../src/storage/storage.js";

/** A storage of which some verbs are replaced; the others go to the one inside. */
export function wrapped(inner: Storage, replaced: Partial<Storage>): Storage {
  return new Proxy(inner, {
    get(target, key) {
      const own: unknown = Reflect.get(replaced, key);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** A storage that tells nobody of its changes. */
export function silent(inner: Storage): Storage {
  const supports = { ...inner.supports, notifications: false };
  return new Proxy(inner, {
    get(target, key) {
      if (key === "subscribe") return undefined;
      if (key === "supports") return supports;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

export interface CountedStorage {
  readonly storage: Storage;
  /** All calls of verbs so far. */
  readonly calls: () => number;
}

export function counted(inner: Storage): CountedStorage {
  let calls = 0;
  const storage = new Proxy(inner, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      return (...parameters: unknown[]): unknown => {
        calls += 1;
        return Reflect.apply(value, target, parameters);
      };
    },
  });
  return { storage, calls: () => calls };
}
