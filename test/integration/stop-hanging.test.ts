/** Stopping while the storage has not answered: nothing is left of it, and what was under way does not go on afterwards. */

import { expect, it } from "vitest";
import { EngineStoppedError } from "../../src/errors.js";
import type { Engine } from "../../src/engine.js";
import { defineJobs } from "../../src/jobs.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import type { Storage } from "../../src/storage/storage.js";
import { manualClock, type ManualClock } from "../../src/testing/manual-clock.js";
import { createTestEngine } from "../../src/testing/test-engine.js";
import { deferred } from "../../src/waiting.js";
import { rejection } from "./engines.js";

/** More than a stop may take when the storage does not answer, and less than a call otherwise may. */
const STOP_MS = 16_000;

interface Scene {
  readonly engine: Engine;
  readonly clock: ManualClock;
  /** What was asked of the storage, in that order. */
  readonly verbs: string[];
  /** What keeps the process alive. */
  readonly holds: () => number;
}

interface Inner {
  readonly storage?: Storage;
  /** Verbs that do something else. */
  readonly changed?: Partial<Storage>;
}

/** @param gates verbs that answer only when their promise is fulfilled, and do their work then */
function scene(gates: Readonly<Record<string, Promise<unknown>>>, { storage = memoryStorage(), changed = {} }: Inner = {}): Scene {
  const verbs: string[] = [];
  const gated = new Proxy(storage, {
    get: (target, key) => {
      const verb = Reflect.get(key in changed ? changed : target, key) as unknown;
      if (typeof verb !== "function") return verb;
      return (...args: unknown[]): unknown => {
        verbs.push(String(key));
        const work = (): unknown => (verb as (...given: unknown[]) => unknown).apply(target, args);
        const gate = gates[String(key)];
        return gate === undefined ? work() : gate.then(work);
      };
    },
  });
  const manual = manualClock();
  let holds = 0;
  const clock = Object.assign(Object.create(manual) as ManualClock, {
    hold: () => {
      let isHeld = true;
      holds += 1;
      return () => {
        if (isHeld) holds -= 1;
        isHeld = false;
      };
    },
  });
  const engine = createTestEngine({ jobs: defineJobs({ jobs: [] }), queues: { default: { threads: 1 } }, storage: gated, clock });
  engine.on("error", () => undefined);
  return { engine, clock: manual, verbs, holds: () => holds };
}

/** Stops it, and lets so much time pass as that may take. */
async function stop({ engine, clock }: Scene): Promise<void> {
  let isOver = false;
  void engine.stop({ timeout: 0 }).then(() => (isOver = true));
  await clock.advance(STOP_MS);
  expect(isOver).toBe(true);
}

const never = new Promise<never>(() => undefined);

it.each(["open", "own", "reclaim", "disown", "close"])("leaves nothing of a start when the storage hangs at %s", async (verb) => {
  const hanging = scene({ [verb]: never, disown: never });
  const { engine, clock, holds } = hanging;
  const started = engine.start().catch((error: unknown) => error);
  await clock.settle();
  await stop(hanging);
  // What the start still had to clean up was not answered either.
  await clock.advance(STOP_MS);
  if (verb !== "close" && verb !== "disown") expect(await started).toBeInstanceOf(EngineStoppedError);
  expect(clock.timers).toBe(0);
  expect(holds()).toBe(0);
});

it("rejects a start that waits for the storage as soon as the stop is over", async () => {
  const hanging = scene({ own: never });
  const error = rejection(hanging.engine.start());
  await hanging.clock.settle();
  await hanging.engine.stop({ timeout: 0 });
  await hanging.clock.settle();
  expect(await error).toMatchObject({ code: "MILLRACE_ENGINE_STOPPED", cause: { code: "MILLRACE_STORAGE" } });
  expect(hanging.clock.timers).toBe(0);
});

const calls: Record<string, (engine: Engine) => Promise<unknown>> = {
  enqueue: (engine) => engine.enqueue("a", 1),
  enqueueMany: (engine) => engine.enqueueMany("a", [1]),
  every: (engine) => engine.every("1s", "a", 1),
  schedules: (engine) => engine.schedules(),
  list: (engine) => engine.list(),
  stats: (engine) => engine.stats(),
  pause: (engine) => engine.pause("a"),
  drain: (engine) => engine.drain(),
  result: (engine) => engine.job("a").result(),
};

it.each(Object.keys(calls))("%s that waited for the storage to open does nothing when that comes after the stop", async (name) => {
  const opened = deferred();
  const slow = scene({ open: opened.promise });
  const error = rejection(calls[name]!(slow.engine));
  await slow.clock.settle();
  await stop(slow);
  opened.resolve();
  await slow.clock.settle();
  expect(await error).toBeInstanceOf(EngineStoppedError);
  // It is closed again, since nobody else would.
  expect(slow.verbs).toEqual(["open", "close"]);
  expect(slow.holds()).toBe(0);
});

it("drain that waited for a write which hung rejects, and keeps nothing alive", async () => {
  const written = deferred();
  const hanging = scene({ enqueue: written.promise });
  const { engine, clock, holds } = hanging;
  const write = engine.enqueue("a", 1).catch((error: unknown) => error);
  const drained = rejection(engine.drain());
  await clock.settle();
  await stop(hanging);
  written.resolve();
  await clock.settle();
  await write;
  expect(await drained).toBeInstanceOf(EngineStoppedError);
  expect(holds()).toBe(0);
});

it("gives back an ownership that comes only after the stop, also when that fails at first", async () => {
  const storage = memoryStorage();
  // It is shared, so that no close ends the ownership.
  await storage.open();
  const owned = deferred();
  let failures = 0;
  const disown = (runner: string): Promise<void> => {
    failures -= 1;
    return failures >= 0 ? Promise.reject(new Error("not now")) : storage.disown(runner);
  };
  const slow = scene({ own: owned.promise }, { storage, changed: { disown } });
  const started = rejection(slow.engine.start());
  await slow.clock.settle();
  await stop(slow);
  await started;
  failures = 2;
  owned.resolve();
  await slow.clock.advance(1_000);
  await expect(storage.own("another")).resolves.toEqual([]);
  expect(slow.clock.timers).toBe(0);
});
