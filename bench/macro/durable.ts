/**
 * Jobs that survive the process: how many a second are acknowledged, run and completed on disk, beside a thread that does nothing but
 * the same writes, and how late the main thread comes meanwhile.
 */

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { requireEchoes, startDurable } from "../lib/engine.js";
import type { Cost } from "../lib/measure.js";
import { enqueueOneByOne } from "../lib/noop-stream.js";
import { median, show, showCount, showRange, summarize } from "../lib/numbers.js";
import { openPlainjob } from "../lib/plainjob.js";
import { judge, quotients, ratioCells, type Ratios } from "../lib/ratio.js";
import type { Options, Section } from "../lib/report.js";
import { type Contestant, inTurns, rates, values } from "../lib/rounds.js";

const THREADS = 2;
/** As many as an engine puts into one. */
const BATCH = 1_000;
/** plainjob takes much longer for as many. */
const SIZES = { full: { rounds: 5, jobs: 100_000, plainjobs: 20_000 }, quick: { rounds: 1, jobs: 1_000, plainjobs: 200 } };
const DURABILITIES = ["full", "relaxed"] as const;
type Durability = (typeof DURABILITIES)[number];
/** Of what bare SQLite does. */
const SHARE = 0.5;
/** Of what plainjob does. */
const TIMES = 3;
/** How late the main thread may come, in ms. */
const DELAY_MS = 10;

const engineName = (durability: Durability): string => `engine, ${durability}`;
const bareName = (durability: Durability): string => `bare SQLite, ${durability}`;
const plainjobName = (durability: Durability): string => `plainjob, ${durability}`;

interface Entry extends Contestant {
  readonly close: () => Promise<unknown>;
}

export async function durableBench({ quick }: Options): Promise<readonly Section[]> {
  const size = SIZES[quick ? "quick" : "full"];
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  const entries: Entry[] = [];
  try {
    for (const durability of DURABILITIES) entries.push(...(await openAll(folder, durability, size)));
    return [toSection(await inTurns(entries, size.rounds), size)];
  } finally {
    await Promise.all(entries.map(({ close }) => close()));
    rmSync(folder, { recursive: true });
  }
}

async function openAll(folder: string, durability: Durability, { jobs, plainjobs }: (typeof SIZES)["full"]): Promise<readonly Entry[]> {
  const path = (name: string): string => join(folder, `${name}-${durability}.db`);
  const engine = await startDurable({ path: path("engine"), durability }, THREADS);
  const worker = await openBare(path("bare"), durability);
  const plainjob = openPlainjob(path("plainjob"), durability);
  return [
    { name: engineName(durability), run: async () => requireEchoes(await enqueueOneByOne(engine, jobs), jobs), close: () => engine.stop() },
    { name: bareName(durability), run: () => ask(worker, jobs), close: () => worker.terminate() },
    { name: plainjobName(durability), run: () => plainjob.run(plainjobs), close: () => Promise.resolve(plainjob.close()) },
  ];
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

function toSection(costs: ReadonlyMap<string, readonly Cost[]>, { rounds, jobs, plainjobs }: (typeof SIZES)["full"]): Section {
  const plain = DURABILITIES.map(plainjobName);
  const of = (name: string): readonly number[] => rates(costs.get(name), plain.includes(name) ? plainjobs : jobs);
  const ratios: Ratios = Object.fromEntries(
    DURABILITIES.flatMap((durability) => [
      [`durable.${durability}.vsBareSqlite`, judge(quotients(of(engineName(durability)), of(bareName(durability))), { atLeast: SHARE })],
      [`durable.${durability}.vsPlainjob`, judge(quotients(of(engineName(durability)), of(plainjobName(durability))), { atLeast: TIMES })],
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
      `Bare SQLite is one thread that stores, claims and finishes jobs with the same tables and statements, ${showCount(BATCH)} to a transaction, and deletes those that an engine would not keep either: no ids, no threads to send jobs to, nobody who awaits them. full waits for the disk at the end of each transaction, relaxed does not.`,
      `plainjob runs its jobs on the main thread, ${showCount(plainjobs)} a round, added by addMany; better-sqlite3 with synchronous FULL or NORMAL.`,
    ],
    columns: ["", "jobs/s", "cores", "delay p99 ms", "longest", "compared with", "ratio", "limit", ""],
    rows: data.flatMap(({ name, jobsPerSecond, cores, delayP99Ms, delayMaxMs }) => {
      const own = [name, showRange(jobsPerSecond), show(cores), showRange(delayP99Ms), show(delayMaxMs)];
      const durability = DURABILITIES.find((each) => engineName(each) === name);
      if (durability === undefined) return [[...own, "–", ...ratioCells(undefined)]];
      const nothing = ["", "", "", "", ""];
      return [
        [...own, "bare SQLite", ...ratioCells(ratios[`durable.${durability}.vsBareSqlite`])],
        [...nothing, "plainjob", ...ratioCells(ratios[`durable.${durability}.vsPlainjob`])],
        [...nothing, `p99 ÷ ${DELAY_MS} ms`, ...ratioCells(ratios[`durable.${durability}.delayP99OfAllowed`])],
      ];
    }),
    data: { jobs, plainjobs, rounds, rows: data },
    ratios,
  };
}
