/**
 * How late the main thread comes to its own work while all cores are busy with jobs of a millisecond each: beside an idle process and
 * beside a bare Piscina, in turns.
 */

import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { createEngine } from "millrace";
import { Piscina } from "piscina";
import { measure, type Cost } from "../lib/measure.js";
import { median, show, showRange, summarize } from "../lib/numbers.js";
import type { Options, Section } from "../lib/report.js";
import { burn } from "./burn.js";

const SIZES = { full: { rounds: 7, jobs: 4_000, idleMs: 2_000 }, smoke: { rounds: 1, jobs: 50, idleMs: 50 } };
/** Enough to keep all threads busy, as a server under load has them. */
const IN_FLIGHT = 64;

export async function mainThreadBench({ smoke }: Options): Promise<readonly Section[]> {
  const { rounds, jobs, idleMs } = SIZES[smoke ? "smoke" : "full"];
  const threads = availableParallelism();
  const steps = stepsPerMs();
  const engine = createEngine({ jobs: new URL("./jobs.js", import.meta.url), queues: { default: { threads } }, execArgv: [] });
  const filename = fileURLToPath(new URL("./burn-worker.js", import.meta.url));
  const piscina = new Piscina<number, number>({ filename, minThreads: threads, maxThreads: threads, execArgv: [] });
  await engine.start();
  try {
    const contestants: Readonly<Record<string, () => Promise<unknown>>> = {
      "nothing runs": () => new Promise((resolve) => setTimeout(resolve, idleMs)),
      "piscina.run()": () => inFlight(jobs, () => piscina.run(steps)),
      "engine.run()": () => inFlight(jobs, () => engine.run("burn", steps)),
    };
    const costs = new Map(Object.keys(contestants).map((name) => [name, [] as Cost[]]));
    // One round for the compiler.
    for (const run of Object.values(contestants)) await run();
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, run] of Object.entries(contestants)) costs.get(name)?.push(await measure(run));
    }
    return [toSection({ threads, rounds, jobs, costs })];
  } finally {
    await engine.stop();
    await piscina.destroy();
  }
}

/** How many steps of `burn` take a millisecond here. */
function stepsPerMs(): number {
  burn(1e6);
  const startedAt = performance.now();
  burn(1e7);
  return Math.round(1e7 / (performance.now() - startedAt));
}

async function inFlight(jobs: number, run: () => Promise<unknown>): Promise<void> {
  let left = jobs;
  async function keepOneInFlight(): Promise<void> {
    while (left > 0) {
      left -= 1;
      await run();
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, keepOneInFlight));
}

function toSection(measured: {
  readonly threads: number;
  readonly rounds: number;
  readonly jobs: number;
  readonly costs: ReadonlyMap<string, readonly Cost[]>;
}): Section {
  const { threads, rounds, jobs, costs } = measured;
  const data = [...costs].map(([name, own]) => ({
    name,
    jobsPerSecond: name === "nothing runs" ? null : summarize(own.map(({ seconds }) => jobs / seconds)),
    delayP99Ms: summarize(own.map(({ delayP99 }) => delayP99)),
    delayMaxMs: Math.max(...own.map(({ delayMax }) => delayMax)),
    cores: median(own.map(({ cores }) => cores)),
  }));
  return {
    title: `The main thread beside ${threads} threads with jobs of 1 ms`,
    notes: [
      `${rounds} rounds of ${jobs} jobs, ${IN_FLIGHT} in flight, each of all rows in turn; medians, with the whole range in brackets.`,
      "There are as many threads as cores, so the main thread has to share one.",
    ],
    columns: ["", "jobs/s", "delay p99 ms", "longest", "cores"],
    rows: data.map(({ name, jobsPerSecond, delayP99Ms, delayMaxMs, cores }) => {
      return [name, jobsPerSecond === null ? "–" : showRange(jobsPerSecond), showRange(delayP99Ms), show(delayMaxMs), show(cores)];
    }),
    data,
  };
}
