/** Engines on real threads, stopped when the test is over. */

import { createEngine, type Engine, type EngineEvents, type EngineOptions } from "millrace";
import { onTestFinished } from "vitest";

/** A module in test/fixtures/jobs. */
export function jobsModule(name: string): URL {
  return new URL(`../fixtures/jobs/${name}`, import.meta.url);
}

/** An engine that is not started, with one thread for `default` unless told otherwise. */
export function newEngine(options: EngineOptions = {}): Engine {
  const engine = createEngine({ jobs: jobsModule("basics.js"), queues: { default: { threads: 1 } }, grace: 100, ...options });
  onTestFinished(async () => void (await engine.stop({ timeout: 0 })));
  return engine;
}

export async function startEngine(options?: EngineOptions): Promise<Engine> {
  const engine = newEngine(options);
  await engine.start();
  return engine;
}

/** The next event that passes `filter`. */
export function nextEvent<Name extends keyof EngineEvents>(
  engine: Pick<Engine, "on">,
  name: Name,
  filter: (event: EngineEvents[Name]) => boolean = () => true,
): Promise<EngineEvents[Name]> {
  return new Promise((resolve) => {
    const off = engine.on(name, (event) => {
      if (!filter(event)) return;
      off();
      resolve(event);
    });
  });
}

/** Resolves when job `id` says by its log that it has come so far. */
export async function said(engine: Pick<Engine, "on">, id: string, message: string): Promise<void> {
  await nextEvent(engine, "log", (event) => event.id === id && event.message === message);
}

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("it did not reject");
    },
    (error: unknown) => error,
  );
}
