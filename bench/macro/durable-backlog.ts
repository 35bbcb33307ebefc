/** A million jobs that wait in a SQLite file: what they take in memory and on disk, and the rate beside them. */

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "millrace";
import { echo, requireEchoes, small, startDurable } from "../lib/engine.js";
import { settledMemory } from "../lib/memory.js";
import { enqueueOneByOne } from "../lib/noop-stream.js";
import { show, showCount, showRange, summarize } from "../lib/numbers.js";
import { judge, quotients, ratioCells, type Ratios } from "../lib/ratio.js";
import type { Options, Section } from "../lib/report.js";

const THREADS = 2;
const CHUNK = 1_000;
const SIZES = { full: { rounds: 5, jobs: 20_000, waiting: 1_000_000 }, quick: { rounds: 1, jobs: 1_000, waiting: 2_000 } };
const RSS_MB = 100;
const MEGABYTE = 1e6;

/** The queue is paused while it is filled, and between the rounds. */
export async function durableBacklogBench({ quick }: Options): Promise<readonly Section[]> {
  const { rounds, jobs, waiting } = SIZES[quick ? "quick" : "full"];
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  const path = join(folder, "jobs.db");
  const engine = await startDurable({ path }, THREADS);
  try {
    await enqueueOneByOne(engine, jobs);
    const empty = await ratesInFront(engine, rounds, jobs);
    const { rss } = await settledMemory();
    const startedAt = performance.now();
    for (let done = 0; done < waiting; done += CHUNK) await engine.enqueueMany(echo, Array.from({ length: CHUNK }, small), { priority: 1 });
    const fillRate = waiting / ((performance.now() - startedAt) / 1_000);
    const grown = ((await settledMemory()).rss - rss) / MEGABYTE;
    const full = await ratesInFront(engine, rounds, jobs);
    return [toSection({ empty, full, grown, fillRate, fileMb: statSync(path).size / MEGABYTE, rounds, jobs, waiting })];
  } finally {
    await engine.stop({ timeout: 0 });
    rmSync(folder, { recursive: true });
  }
}

/** Of jobs that go before those that wait. */
async function ratesInFront(engine: Engine, rounds: number, jobs: number): Promise<readonly number[]> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = await completed(engine);
    const startedAt = performance.now();
    const stream = enqueueOneByOne(engine, jobs);
    await engine.resume("default");
    const results = await stream;
    await engine.pause("default");
    const seconds = (performance.now() - startedAt) / 1_000;
    requireEchoes(results, jobs);
    rates.push(((await completed(engine)) - before) / seconds);
  }
  return rates;
}

async function completed(engine: Engine): Promise<number> {
  return (await engine.stats()).queues["default"]?.totals.completed ?? 0;
}

interface Measured {
  readonly empty: readonly number[];
  readonly full: readonly number[];
  readonly grown: number;
  readonly fillRate: number;
  readonly fileMb: number;
  readonly rounds: number;
  readonly jobs: number;
  readonly waiting: number;
}

function toSection({ empty, full, grown, fillRate, fileMb, rounds, jobs, waiting }: Measured): Section {
  const ratios: Ratios = {
    "durable.backlog.rate": judge(quotients(full, empty), { atLeast: 0.8 }),
    "durable.backlog.rssOfAllowed": judge([grown / RSS_MB], { atMost: 1, allowance: true }),
  };
  return {
    title: `Durable: ${showCount(waiting)} jobs that wait in the file`,
    notes: [
      `${rounds} rounds of ${showCount(jobs)} jobs that go before those that wait, in an empty file and then in the full one; medians, with the whole range in brackets. What runs of those that wait is counted. Memory is that of the whole process, after collecting garbage.`,
      `The jobs were stored by enqueueMany, ${showCount(CHUNK)} a call: ${showCount(Math.round(fillRate))} a second. The file has ${show(fileMb)} MB then, ${showCount(Math.round((fileMb * MEGABYTE) / waiting))} bytes a job.`,
    ],
    columns: ["", "", "judged", "ratio", "limit", ""],
    rows: [
      ["jobs/s, empty file", showRange(summarize(empty)), "–", ...ratioCells(undefined)],
      [`jobs/s beside ${showCount(waiting)}`, showRange(summarize(full)), "÷ empty file", ...ratioCells(ratios["durable.backlog.rate"])],
      ["memory grown, MB", show(grown), `÷ ${RSS_MB} MB`, ...ratioCells(ratios["durable.backlog.rssOfAllowed"])],
    ],
    data: { rounds, jobs, waiting, empty: summarize(empty), full: summarize(full), grownMb: grown, fillRate, fileMb },
    ratios,
  };
}
