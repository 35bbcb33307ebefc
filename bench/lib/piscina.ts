/** Raw Piscina at its best: which of its documented settings that is, is found out here and now. */

import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";
import { show, showCount } from "./numbers.js";
import { inFlight } from "./produce.js";
import type { Section } from "./report.js";

export interface PiscinaSetting {
  readonly concurrentTasksPerWorker: number;
  readonly atomics: "sync" | "async" | "disabled";
  /** Calls under way at once; `Infinity` is to call as the engine is called, with one yield per 1,000. */
  readonly inFlight: number;
}

/** A task of `bench/threads/piscina-tasks.js`, and what it is given. */
export interface PiscinaTask {
  readonly name: string;
  readonly payloadOf: (index: number) => unknown;
}

const START: PiscinaSetting = { concurrentTasksPerWorker: 1, atomics: "sync", inFlight: 1_000 };
/** One after the other, from the best so far. A `maxQueue` only refuses calls, so there is none. */
const CHOICES: readonly (readonly Partial<PiscinaSetting>[])[] = [
  [{ atomics: "async" }, { atomics: "disabled" }],
  [{ concurrentTasksPerWorker: 8 }, { concurrentTasksPerWorker: 64 }, { concurrentTasksPerWorker: 512 }],
  [{ inFlight: 64 }, { inFlight: 256 }, { inFlight: 4_000 }, { inFlight: Infinity }],
];
const TRIES = 2;

export function openPiscina(threads: number, setting: PiscinaSetting = START): Piscina<unknown, unknown> {
  const { concurrentTasksPerWorker, atomics } = setting;
  return new Piscina({
    filename: fileURLToPath(new URL("../threads/piscina-tasks.js", import.meta.url)),
    minThreads: threads,
    maxThreads: threads,
    // Threads that stay, and no times that nobody reads: both make it faster.
    idleTimeout: Infinity,
    recordTiming: false,
    concurrentTasksPerWorker,
    atomics,
    execArgv: [],
  });
}

export interface Tried {
  readonly setting: PiscinaSetting;
  readonly jobsPerSecond: number;
}

/** @returns what was tried, the best first */
export async function tryPiscina(
  threads: number,
  work: { readonly task: PiscinaTask; readonly jobs: number },
): Promise<readonly [Tried, ...(readonly Tried[])]> {
  let best: Tried = { setting: START, jobsPerSecond: await tryOut(threads, START, work) };
  const others: Tried[] = [];
  for (const choices of CHOICES) {
    const { setting: before } = best;
    for (const choice of choices) {
      const setting = { ...before, ...choice };
      const tried = { setting, jobsPerSecond: await tryOut(threads, setting, work) };
      if (tried.jobsPerSecond > best.jobsPerSecond) {
        others.push(best);
        best = tried;
      } else others.push(tried);
    }
  }
  return [best, ...others.toSorted((a, b) => b.jobsPerSecond - a.jobsPerSecond)];
}

export function triedSection(tried: readonly Tried[]): Section {
  return {
    title: "Settings of Piscina that were tried",
    notes: ["The first was taken. Each option in turn, from the best so far; the better of two tries, without rounds."],
    columns: ["setting", "jobs/s"],
    rows: tried.map(({ setting, jobsPerSecond }) => [describeSetting(setting), show(jobsPerSecond)]),
    data: tried.map(({ setting, jobsPerSecond }) => ({ setting: describeSetting(setting), jobsPerSecond })),
  };
}

/** @returns jobs a second, in the better of a few tries */
async function tryOut(threads: number, setting: PiscinaSetting, { task, jobs }: { readonly task: PiscinaTask; readonly jobs: number }): Promise<number> {
  const piscina = openPiscina(threads, setting);
  try {
    await callPiscina(piscina, setting, { task, jobs: Math.ceil(jobs / 4) });
    let rate = 0;
    for (let index = 0; index < TRIES; index += 1) {
      const startedAt = performance.now();
      await callPiscina(piscina, setting, { task, jobs });
      rate = Math.max(rate, (jobs / (performance.now() - startedAt)) * 1_000);
    }
    return rate;
  } finally {
    await piscina.destroy();
  }
}

export function callPiscina(
  piscina: Piscina<unknown, unknown>,
  setting: PiscinaSetting,
  { task, jobs }: { readonly task: PiscinaTask; readonly jobs: number },
): Promise<readonly unknown[]> {
  const { name, payloadOf } = task;
  const options = { name };
  return inFlight(jobs, setting.inFlight, (index) => piscina.run(payloadOf(index), options));
}

export function describeSetting({ concurrentTasksPerWorker, atomics, inFlight }: PiscinaSetting): string {
  const calls = inFlight === Infinity ? "called without waiting" : `${showCount(inFlight)} calls in flight`;
  return `concurrentTasksPerWorker ${concurrentTasksPerWorker}, atomics ${atomics}, ${calls}`;
}
