/** What a piece of work costs the process, beside time. */

import { monitorEventLoopDelay } from "node:perf_hooks";

export interface Cost {
  readonly seconds: number;
  /** CPU time by wall time, of all threads. */
  readonly cores: number;
  /** How much later than asked for the main thread came to a timer, in ms. */
  readonly delayP99: number;
  readonly delayMax: number;
}

const RESOLUTION_MS = 1;

export async function measure(work: () => Promise<unknown>): Promise<Cost> {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  // What went before must not be counted as a delay of this.
  await nextTurn();
  delays.enable();
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(cpuBefore);
  const ms = performance.now() - startedAt;
  // Lets the timer fire that was held up by the last of the work.
  await nextTimer();
  delays.disable();
  // What it records are the times between two fires of its timer.
  const toDelay = (ns: number): number => Math.max(ns / 1e6 - RESOLUTION_MS, 0);
  return { seconds: ms / 1_000, cores: (user + system) / 1_000 / ms, delayP99: toDelay(delays.percentile(99)), delayMax: toDelay(delays.max) };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function nextTimer(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2 * RESOLUTION_MS));
}
