/**
 * Jobs that survive the process: how many a second are acknowledged, run and completed on disk, beside a thread that does nothing but
 * the same writes, and how late the main thread comes meanwhile.
 */

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { createEngine, type Engine } from "millrace";
import { sqliteStorage } from "millrace/sqlite";
import { requireEchoes } from "../lib/engine.js";
import type { Cost } from "../lib/measure.js";
import { enqueueOneByOne } from "../lib/noop-stream.js";
import { median, show, showCount, showRange, summarize } from "../lib/numbers.js";
import { judge, quotients, ratioCells, type Ratios } from "../lib/ratio.js";
import type { Options, Section } from "../lib/report.js";
import { inTurns, rates, values } from "../lib/rounds.js";

const THREADS = 2;
const BATCH = 256;
const SIZES = { full: { rounds: 7, jobs: 20_000 }, quick: { rounds: 1, jobs: 1_000 } };
const DURABILITIES = ["full", "relaxed"] as const;
type Durability = (typeof DURABILITIES)[number];
/** Of what bare SQLite does. */
const SHARE = 0.5;
/** How late the main thread may come, in ms. */
const DELAY_MS = 10;

const engineName = (durability: Durability): string => `engine, ${durability}`;
const bareName = (durability: Durability): string => `bare SQLite, ${durability}`;

export async function durableBench({ quick }: Options): Promise<readonly Section[]> {
  const { rounds, jobs } = SIZES[quick ? "quick" : "full"];
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  const engines: Engine[] = [];
  const workers: Worker[] = [];
  const contestants: { readonly name: string; readonly run: () => Promise<unknown> }[] = [];
  try {
    for (const durability of DURABILITIES) {
      const engine = await openEngine(join(folder, `engine-${durability}.db`), durability);
      const worker = await openBare(join(folder, `bare-${durability}.db`), durability);
      engines.push(engine);
      workers.push(worker);
      contestants.push({ name: engineName(durability), run: async () => requireEchoes(await enqueueOneByOne(engine, jobs), jobs) });
      contestants.push({ name: bareName(durability), run: () => ask(worker, jobs) });
    }
    return [toSection(await inTurns(contestants, rounds), rounds, jobs)];
  } finally {
    await Promise.all(engines.map((engine) => engine.stop()));
    await Promise.all(workers.map((worker) => worker.terminate()));
    rmSync(folder, { recursive: true });
  }
}

async function openEngine(path: string, durability: Durability): Promise<Engine> {
  const storage = sqliteStorage({ path, durability });
  const engine = createEngine({ jobs: new URL("../threads/jobs.js", import.meta.url), queues: { default: { threads: THREADS } }, execArgv: [], storage });
  await engine.start();
  return engine;
}

async function openBare(path: string, durability: Durability): Promise<Worker> {
  const worker = new Worker(new URL("../threads/bare-sqlite.js", import.meta.url), { workerData: { path, durability, batch: BATCH }, execArgv: [] });
  await once(worker, "message");
  return worker;
}

async function ask(worker: Worker, jobs: number): Promise<void> {
  worker.postMessage(jobs);
  await once(worker, "message");
}

function toSection(costs: ReadonlyMap<string, readonly Cost[]>, rounds: number, jobs: number): Section {
  const of = (name: string): readonly number[] => rates(costs.get(name), jobs);
  const ratios: Ratios = Object.fromEntries(
    DURABILITIES.flatMap((durability) => [
      [`durable.${durability}.vsBareSqlite`, judge(quotients(of(engineName(durability)), of(bareName(durability))), { atLeast: SHARE })],
      [`durable.${durability}.delayP99OfAllowed`, judge(values(costs.get(engineName(durability)), "delayP99").map((ms) => ms / DELAY_MS), { atMost: 1, allowance: true })],
    ]),
  );
  const data = [...costs.keys()].map((name) => ({
    name,
    jobsPerSecond: summarize(of(name)),
    cores: median(values(costs.get(name), "cores")),
    delayP99Ms: summarize(values(costs.get(name), "delayP99")),
    delayMaxMs: Math.max(...values(costs.get(name), "delayMax")),
  }));
  return {
    title: `Durable: jobs on disk, SQLite storage, ${THREADS} threads`,
    notes: [
      `${rounds} rounds of ${showCount(jobs)} jobs, each of all rows in turn; medians, with the whole range in brackets. Ratios are taken round by round. Empty jobs, enqueued one by one (the producer yields every 1,000), every result awaited: it is told when it is on disk.`,
      `Bare SQLite is one thread that stores, claims and finishes jobs with the same tables and statements, ${BATCH} to a transaction, and deletes those that an engine would not keep either: no ids, no threads to send jobs to, nobody who awaits them. full waits for the disk at the end of each transaction, relaxed does not.`,
    ],
    columns: ["", "jobs/s", "cores", "delay p99 ms", "longest", "compared with", "ratio", "limit", ""],
    rows: data.flatMap(({ name, jobsPerSecond, cores, delayP99Ms, delayMaxMs }) => {
      const own = [name, showRange(jobsPerSecond), show(cores), showRange(delayP99Ms), show(delayMaxMs)];
      const durability = DURABILITIES.find((each) => engineName(each) === name);
      if (durability === undefined) return [[...own, "–", ...ratioCells(undefined)]];
      return [
        [...own, "bare SQLite", ...ratioCells(ratios[`durable.${durability}.vsBareSqlite`])],
        ["", "", "", "", "", `p99 ÷ ${DELAY_MS} ms`, ...ratioCells(ratios[`durable.${durability}.delayP99OfAllowed`])],
      ];
    }),
    data: { jobs, rounds, rows: data },
    ratios,
  };
}
