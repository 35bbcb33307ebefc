/**
 * S4: many short jobs and a few long ones on the same threads. How long the short ones wait, beside an ideal pool that serves
 * the same jobs.
 */

import { stepsPerMs } from "../lib/calibrate.js";
import { startEngine } from "../lib/engine.js";
import { type Arrival, idealWaits } from "../lib/fifo.js";
import { quantile, show, showCount, showRange, summarize } from "../lib/numbers.js";
import { openPiscina } from "../lib/piscina.js";
import { pause } from "../lib/produce.js";
import { judge, ratioCells, type Ratios } from "../lib/ratio.js";
import type { Options, Section } from "../lib/report.js";
import { collectGarbage } from "../lib/rounds.js";
import { seededRandom } from "../../dist/src/testing/seeded-random.js";
import { sharedNow } from "../threads/clock.js";

const THREADS = 2;
const SHORT_MS = 0.05;
const LONG_MS = 50;
const SHARE_LONG = 0.01;
const LOAD = 0.6;
/** What the engine may add to the ideal wait. */
const EXTRA_MS = 3;
const SIZES = { full: { rounds: 5, ms: 4_000 }, quick: { rounds: 1, ms: 500 } };

const WARM_UP_SEED = 99;

interface Planned {
  readonly afterMs: number;
  readonly isLong: boolean;
}

interface Run extends Planned {
  readonly enqueuedAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
}

interface Waits {
  readonly jobs: number;
  /** 99th percentiles of the short jobs. */
  readonly p99Ms: number;
  readonly longP99Ms: number;
  readonly idealP99Ms: number;
  /** As if every run had taken exactly what was meant. */
  readonly plannedP99Ms: number;
}

/** Whoever runs the jobs. */
interface Pool {
  readonly run: (isLong: boolean, steps: number) => Promise<unknown>;
  readonly close: () => Promise<unknown>;
}

interface Variant {
  readonly title: string;
  readonly open: () => Promise<Pool>;
  /** Under which it is judged. */
  readonly key: string | null;
}

const VARIANTS: readonly Variant[] = [
  { title: "engine, two names", open: () => openEngine((isLong) => (isLong ? "long" : "short")), key: "s4.p99OfAllowed" },
  { title: "engine, one name for both", open: () => openEngine(() => "bimodal"), key: null },
  { title: "piscina.run()", open: openRaw, key: null },
];

export async function mixedBench({ quick }: Options): Promise<readonly Section[]> {
  const { rounds, ms } = SIZES[quick ? "quick" : "full"];
  const perMs = stepsPerMs();
  const steps = { short: Math.round(perMs * SHORT_MS), long: Math.round(perMs * LONG_MS) };
  const waits = new Map(VARIANTS.map((variant) => [variant, [] as Waits[]]));
  for (let round = 0; round < rounds; round += 1) {
    const plan = planArrivals(ms, round + 1);
    for (const variant of VARIANTS) {
      // A new one each time: what it learned of one kind of job it should not know in the other.
      const pool = await variant.open();
      try {
        await follow(pool, planArrivals(ms / 10, WARM_UP_SEED), steps);
        collectGarbage();
        waits.get(variant)?.push(toWaits(await follow(pool, plan, steps)));
      } finally {
        await pool.close();
      }
    }
  }
  return [toSection(waits, rounds)];
}

async function openEngine(nameOf: (isLong: boolean) => string): Promise<Pool> {
  const engine = await startEngine({ default: { threads: THREADS } });
  return { run: (isLong, steps) => engine.run(nameOf(isLong), steps), close: () => engine.stop() };
}

async function openRaw(): Promise<Pool> {
  const piscina = openPiscina(THREADS);
  return { run: (_isLong, steps) => piscina.run(steps, { name: "burnAndTell" }), close: () => piscina.destroy() };
}

/** Poisson: the time to the next arrival does not depend on the last. */
function planArrivals(ms: number, seed: number): readonly Planned[] {
  const random = seededRandom(seed);
  const meanRunMs = (1 - SHARE_LONG) * SHORT_MS + SHARE_LONG * LONG_MS;
  const meanGapMs = meanRunMs / (LOAD * THREADS);
  const planned: Planned[] = [];
  for (let afterMs = 0; afterMs < ms; afterMs += -Math.log(1 - random()) * meanGapMs) planned.push({ afterMs, isLong: random() < SHARE_LONG });
  return planned;
}

interface Steps {
  readonly short: number;
  readonly long: number;
}

async function follow(pool: Pool, plan: readonly Planned[], steps: Steps): Promise<readonly Run[]> {
  const startAt = sharedNow();
  const runs: Promise<Run>[] = [];
  for (const planned of plan) {
    // By timers, which makes arrivals of the same millisecond come together: a main thread that spins would take a core from the threads.
    while (startAt + planned.afterMs > sharedNow()) await pause(1);
    runs.push(runOne(pool, planned, planned.isLong ? steps.long : steps.short));
  }
  return Promise.all(runs);
}

async function runOne(pool: Pool, planned: Planned, steps: number): Promise<Run> {
  const enqueuedAt = sharedNow();
  const [startedAt, finishedAt] = (await pool.run(planned.isLong, steps)) as [number, number];
  return { ...planned, enqueuedAt, startedAt, finishedAt };
}

function toWaits(runs: readonly Run[]): Waits {
  const p99 = (waits: readonly number[], isLong = false): number => quantile(waits.filter((_, index) => runs[index]?.isLong === isLong), 0.99);
  const waits = runs.map(({ enqueuedAt, startedAt }) => startedAt - enqueuedAt);
  const measured: readonly Arrival[] = runs.map(({ enqueuedAt, startedAt, finishedAt }) => ({ atMs: enqueuedAt, runMs: finishedAt - startedAt }));
  const planned: readonly Arrival[] = runs.map(({ afterMs, isLong }) => ({ atMs: afterMs, runMs: isLong ? LONG_MS : SHORT_MS }));
  return {
    jobs: runs.length,
    p99Ms: p99(waits),
    longP99Ms: p99(waits, true),
    idealP99Ms: p99(idealWaits(measured, THREADS)),
    plannedP99Ms: p99(idealWaits(planned, THREADS)),
  };
}

function toSection(waits: ReadonlyMap<Variant, readonly Waits[]>, rounds: number): Section {
  const data = [...waits].map(([{ title, key }, all]) => ({
    title,
    key,
    jobs: all.reduce((sum, { jobs }) => sum + jobs, 0),
    p99Ms: summarize(all.map(({ p99Ms }) => p99Ms)),
    longP99Ms: summarize(all.map(({ longP99Ms }) => longP99Ms)),
    idealP99Ms: summarize(all.map(({ idealP99Ms }) => idealP99Ms)),
    plannedP99Ms: summarize(all.map(({ plannedP99Ms }) => plannedP99Ms)),
    ofAllowed: judge(all.map(({ p99Ms, idealP99Ms }) => p99Ms / (idealP99Ms + EXTRA_MS)), { atMost: 1, allowance: true }),
  }));
  const ratios: Ratios = Object.fromEntries(data.flatMap(({ key, ofAllowed }) => (key === null ? [] : [[key, ofAllowed]])));
  return {
    title: `S4: ${100 - SHARE_LONG * 100} % jobs of ${SHORT_MS * 1_000} µs and ${SHARE_LONG * 100} % of ${LONG_MS} ms, ${THREADS} threads`,
    notes: [
      `${rounds} rounds of other arrivals each, Poisson from a seed, at ${LOAD * 100} % load; medians of the rounds, with the whole range in brackets. A wait is the time from the call to the start of the run in the thread. What is due comes at the next tick of a timer of 1 ms.`,
      `Ideal is one queue for ${THREADS} servers, first come first served, with the arrivals and the run times as they were measured; beside it, with run times exactly as planned. Allowed is the former and ${EXTRA_MS} ms.`,
    ],
    columns: ["", "n", "short p99 ms", "ideal p99 ms", "ideal as planned", "long p99 ms", "p99 ÷ allowed", "limit", ""],
    rows: data.map(({ title, key, jobs, p99Ms, idealP99Ms, plannedP99Ms, longP99Ms, ofAllowed }) => [
      title,
      showCount(jobs),
      ...[p99Ms, idealP99Ms, plannedP99Ms, longP99Ms].map(showRange),
      ...(key === null ? [show(ofAllowed.median), "–", "–"] : ratioCells(ofAllowed)),
    ]),
    data: { rounds, rows: data },
    ratios,
  };
}
