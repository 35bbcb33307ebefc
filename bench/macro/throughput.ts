/**
 * How many jobs that do nothing go through the whole engine in a second, and what that does to the main thread. Beside it, in
 * the same run and in turns, what a bare Piscina does with the same nothing: ratios hold where absolute numbers do not.
 */

import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";
import { createEngine, type Engine } from "millrace";
import { defineJob, type JobSpec } from "millrace/jobs";
import { type Cost, measure } from "../lib/measure.js";
import { median, show, showRange, summarize } from "../lib/numbers.js";
import type { Options, Section } from "../lib/report.js";

const THREADS = [1, 2];
const SIZES = {
  full: { rounds: 9, jobs: 20_000, sequentialJobs: 2_000 },
  smoke: { rounds: 1, jobs: 500, sequentialJobs: 50 },
};
/** Calls under way at once where jobs are run one by one, as a busy server would have them. */
const IN_FLIGHT = 1_000;

interface Contestant {
  readonly name: string;
  readonly jobs: number;
  /** The name of what it is compared with. */
  readonly baseline: string;
  readonly run: () => Promise<unknown>;
}

const noop: JobSpec<number, undefined> = defineJob<number, undefined>({ name: "noop" });

export async function throughputBench(options: Options): Promise<readonly Section[]> {
  const sections: Section[] = [];
  for (const threads of THREADS) sections.push(await benchThreads(threads, options));
  return sections;
}

async function benchThreads(threads: number, { smoke }: Options): Promise<Section> {
  const size = SIZES[smoke ? "smoke" : "full"];
  // No Node options for the threads: those of this process would bring tsx into them.
  const engine = createEngine({ jobs: new URL("./jobs.js", import.meta.url), queues: { default: { threads } }, execArgv: [] });
  const filename = fileURLToPath(new URL("./piscina-worker.js", import.meta.url));
  const piscina = new Piscina<number, undefined>({ filename, minThreads: threads, maxThreads: threads, execArgv: [] });
  await engine.start();
  try {
    const contestants = makeContestants({ engine, piscina, ...size });
    // One round for the compiler.
    for (const { run } of contestants) await run();
    const costs = new Map(contestants.map(({ name }) => [name, [] as Cost[]]));
    for (let round = 0; round < size.rounds; round += 1) {
      for (const { name, run } of contestants) costs.get(name)?.push(await measure(run));
    }
    return toSection({ threads, contestants, costs, rounds: size.rounds });
  } finally {
    await engine.stop();
    await piscina.destroy();
  }
}

function makeContestants(deps: {
  readonly engine: Engine;
  readonly piscina: Piscina<number, undefined>;
  readonly jobs: number;
  readonly sequentialJobs: number;
}): readonly Contestant[] {
  const { engine, piscina, jobs, sequentialJobs } = deps;
  const numbers = Array.from({ length: jobs }, (_, index) => index);
  const all = `piscina.run(), ${IN_FLIGHT} in flight`;
  const single = "piscina.run(), one after the other";
  return [
    { name: all, jobs, baseline: all, run: () => inFlight(jobs, (index) => piscina.run(index)) },
    { name: `engine.run(), ${IN_FLIGHT} in flight`, jobs, baseline: all, run: () => inFlight(jobs, (index) => engine.run(noop, index)) },
    { name: `engine.enqueueMany(${jobs}), all results`, jobs, baseline: all, run: () => enqueueMany(engine, numbers) },
    { name: single, jobs: sequentialJobs, baseline: single, run: () => oneByOne(sequentialJobs, (index) => piscina.run(index)) },
    {
      name: "engine.run(), one after the other",
      jobs: sequentialJobs,
      baseline: single,
      run: () => oneByOne(sequentialJobs, (index) => engine.run(noop, index)),
    },
  ];
}

async function enqueueMany(engine: Engine, numbers: readonly number[]): Promise<void> {
  const handles = await engine.enqueueMany(noop, numbers);
  await Promise.all(handles.map((handle) => handle.result()));
}

async function inFlight(jobs: number, run: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  async function keepOneInFlight(): Promise<void> {
    while (next < jobs) await run(next++);
  }
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, jobs) }, keepOneInFlight));
}

async function oneByOne(jobs: number, run: (index: number) => Promise<unknown>): Promise<void> {
  for (let index = 0; index < jobs; index += 1) await run(index);
}

function toSection(measured: {
  readonly threads: number;
  readonly contestants: readonly Contestant[];
  readonly costs: ReadonlyMap<string, readonly Cost[]>;
  readonly rounds: number;
}): Section {
  const { threads, contestants, costs, rounds } = measured;
  const perSecond = (name: string, jobs: number): readonly number[] => (costs.get(name) ?? []).map(({ seconds }) => jobs / seconds);
  const data = contestants.map(({ name, jobs, baseline }) => {
    const own = perSecond(name, jobs);
    const other = perSecond(baseline, jobs);
    const of = (key: keyof Cost): readonly number[] => (costs.get(name) ?? []).map((cost) => cost[key]);
    return {
      name,
      jobs,
      jobsPerSecond: summarize(own),
      // Round by round, since neighbours in time meet the same machine.
      ratio: summarize(own.map((value, round) => value / (other[round] ?? NaN))),
      cores: median(of("cores")),
      delayP99Ms: median(of("delayP99")),
      delayMaxMs: Math.max(...of("delayMax")),
    };
  });
  return {
    title: `Jobs that do nothing, ${threads} ${threads === 1 ? "thread" : "threads"}`,
    notes: [
      `${rounds} rounds, each of all rows in turn; medians, with the whole range in brackets. The ratio is to Piscina in the same way of calling, round by round.`,
      "Cores are CPU time of all threads by time. Delay is how late the event loop of the main thread came to a timer: the median of the rounds' 99th percentiles, and the longest of all.",
    ],
    columns: ["way of calling", "jobs/s", "ratio", "cores", "delay p99 ms", "longest"],
    rows: data.map(({ name, jobsPerSecond, ratio, cores, delayP99Ms, delayMaxMs }) => {
      return [name, showRange(jobsPerSecond), showRange(ratio), show(cores), show(delayP99Ms), show(delayMaxMs)];
    }),
    data,
  };
}
