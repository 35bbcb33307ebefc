import { describe, expect, it } from "vitest";
import { memoryStorage, StorageError } from "../../../src/index.js";
import { type BoundedStorage, boundedStorage } from "../../../src/storage/bounded-storage.js";
import type { Storage } from "../../../src/storage/storage.js";
import { manualClock } from "../../../src/testing/manual-clock.js";
import { deferred } from "../../../src/waiting.js";

const LIMIT_MS = 1_000;

function scene(verbs: Partial<Storage>): { readonly clock: ReturnType<typeof manualClock>; readonly storage: BoundedStorage; readonly doubts: number[]; readonly timers: number[] } {
  const inner = memoryStorage();
  const manual = manualClock();
  const timers: number[] = [];
  const clock = Object.assign(Object.create(manual) as typeof manual, {
    setTimer: (ms: number, fire: () => void) => {
      timers.push(ms);
      return manual.setTimer(ms, fire);
    },
  });
  const doubts: number[] = [];
  const broken = new Proxy(inner, { get: (target, key) => Reflect.get(key in verbs ? verbs : target, key) as unknown });
  return { clock: manual, storage: boundedStorage(broken, { ms: LIMIT_MS, clock, onDoubt: () => doubts.push(manual.monotonic()) }), doubts, timers };
}

describe("a storage with a limit", () => {
  it("sets no timer for an answer that comes in the turn of the call, and one for each that does not", async () => {
    const answer = deferred<[]>();
    const calls = [() => Promise.resolve([] as []), () => answer.promise];
    const { clock, storage, timers } = scene({ enqueue: () => calls.shift()?.() ?? Promise.reject(new Error("no more")) });
    await storage.enqueue([], 0);
    await clock.settle();
    expect(timers).toEqual([]);
    const slow = storage.enqueue([], 0);
    await clock.settle();
    expect(timers).toEqual([LIMIT_MS]);
    answer.resolve([]);
    expect(await slow).toEqual([]);
  });

  it("gives up after the limit, and doubts once more when the answer comes after all", async () => {
    const answer = deferred<[]>();
    const { clock, storage, doubts } = scene({ enqueue: () => answer.promise });
    const call = storage.enqueue([], 0).catch((error: unknown) => error);
    await clock.settle();
    await clock.advance(LIMIT_MS);
    expect(await call).toBeInstanceOf(StorageError);
    expect(doubts).toHaveLength(1);
    answer.resolve([]);
    await clock.settle();
    expect(doubts).toHaveLength(2);
  });

  it.each<readonly [string, () => unknown]>([
    ["throws", () => { throw new RangeError("odd"); }],
    ["rejects", () => Promise.reject(new RangeError("odd"))],
  ])("says which storage it was that %s", async (_, enqueue) => {
    const { storage, doubts } = scene({ enqueue: enqueue as Storage["enqueue"] });
    await expect(storage.enqueue([], 0)).rejects.toMatchObject({ code: "MILLRACE_STORAGE", message: "memory storage failed to enqueue: odd", cause: { name: "RangeError" } });
    expect(doubts).toHaveLength(1);
  });

  it("takes an answer that is no promise", async () => {
    const { storage } = scene({ enqueue: (() => []) as unknown as Storage["enqueue"] });
    expect(await storage.enqueue([], 0)).toEqual([]);
  });

  it("gives up what is under way when it is ended, and what comes later after a shorter limit", async () => {
    const never = new Promise<never>(() => undefined);
    const { clock, storage } = scene({ own: () => never, disown: () => never });
    const own = storage.own("a").catch((error: unknown) => error);
    await clock.settle();
    storage.end(10);
    expect(await own).toMatchObject({ code: "MILLRACE_STORAGE", message: "memory storage did not own before the engine stopped" });
    expect(clock.timers).toBe(0);
    const disown = storage.disown("a").catch((error: unknown) => error);
    await clock.advance(10);
    expect(await disown).toMatchObject({ message: "memory storage did not disown within 10 ms" });
  });

  it.each([
    ["closes what has opened", true, 1],
    ["does not close what has failed to open", false, 0],
  ])("%s after it was given up", async (_, isDone, closed) => {
    const opened = deferred();
    let closes = 0;
    const close = async (): Promise<void> => void (closes += 1);
    const { clock, storage } = scene({ open: () => opened.promise, close });
    const open = storage.open().catch((error: unknown) => error);
    await clock.advance(LIMIT_MS);
    expect(await open).toBeInstanceOf(StorageError);
    if (isDone) opened.resolve();
    else opened.reject(new Error("no"));
    await clock.settle();
    expect(closes).toBe(closed);
  });
});
