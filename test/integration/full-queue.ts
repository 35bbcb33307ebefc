/** A queue that is full, with a clock that stands still. */

import type { Engine } from "../../src/engine.js";
import { defineJob, type Job } from "../../src/jobs.js";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import type { Storage } from "../../src/storage/storage.js";
import { startTestEngine, type TestSetup } from "./test-engines.js";

export const echo: Job<number, number, unknown> = defineJob({ name: "echo", run: (n: number) => n });
export const forever: AbortSignal = new AbortController().signal;

export interface Seen {
  readonly outcomes: unknown[];
}

/** Notes how a promise ends. */
export function watch(promise: Promise<unknown>, { outcomes }: Seen, what: unknown): void {
  promise.then(
    () => outcomes.push(what),
    (error: unknown) => outcomes.push(error),
  );
}

/** A paused queue that is full. */
export async function full(maxQueued: number, storage: Storage = memoryStorage()): Promise<TestSetup> {
  const setup = await startTestEngine([echo], { queues: { default: { threads: 1, maxQueued } }, storage });
  await setup.engine.pause("default");
  await setup.engine.enqueueMany(echo, Array.from({ length: maxQueued }, (_, n) => n));
  return setup;
}

export async function waiting(engine: Engine): Promise<number> {
  return (await engine.stats()).queues["default"]?.waiting ?? 0;
}

export async function cancelFirst(engine: Engine): Promise<void> {
  const { jobs } = await engine.list({ state: "waiting" });
  await engine.cancel(jobs[0]!.id);
}
