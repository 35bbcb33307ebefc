/** Durable jobs on a disk that takes 300 ms for each sync: the main thread must not notice. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compilePreload, whyNoPreload } from "../../test/preload.js";
import { inChild } from "../lib/child.js";
import type { Cost } from "../lib/measure.js";
import { show, showCount, showRange, summarize } from "../lib/numbers.js";
import { judge, ratioCells, type Ratios } from "../lib/ratio.js";
import type { Options, Section } from "../lib/report.js";
import type { SlowDiskInput } from "../processes/slow-disk.js";

const SYNC_MS = 300;
/** How late the main thread may come, in ms. */
const DELAY_MS = 10;
const SIZES = { full: { rounds: 5, jobs: 20_000 }, quick: { rounds: 1, jobs: 1_000 } };

export async function slowDiskBench({ quick }: Options): Promise<readonly Section[]> {
  const { rounds, jobs } = SIZES[quick ? "quick" : "full"];
  const title = `Durable: a disk that takes ${SYNC_MS} ms for each sync`;
  const why = whyNoPreload();
  if (why !== null) return [{ title, notes: [`Not measured: ${why}.`], columns: [], rows: [], data: null }];
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  try {
    const library = join(folder, "slow-disk.so");
    compilePreload(fileURLToPath(new URL("../processes/slow-disk.c", import.meta.url)), library);
    const env = { LD_PRELOAD: library, SLOW_FOLDER: folder, SLOW_MS: String(SYNC_MS) };
    const input: SlowDiskInput = { folder, jobs, rounds };
    const costs = await inChild<readonly Cost[]>(new URL("../processes/slow-disk.ts", import.meta.url), input, { env });
    return [toSection(title, costs, jobs)];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function toSection(title: string, costs: readonly Cost[], jobs: number): Section {
  const rates = summarize(costs.map(({ seconds }) => jobs / seconds));
  const delays = costs.map(({ delayP99 }) => delayP99);
  const ratios: Ratios = { "slowDisk.delayP99OfAllowed": judge(delays.map((ms) => ms / DELAY_MS), { atMost: 1, allowance: true }) };
  const longest = Math.max(...costs.map(({ delayMax }) => delayMax));
  return {
    title,
    notes: [
      `${costs.length} rounds of ${showCount(jobs)} empty jobs, enqueued one by one, every result awaited; medians, with the whole range in brackets. durability "full"; a preloaded library lets each fsync and fdatasync take ${SYNC_MS} ms more.`,
    ],
    columns: ["jobs/s", "delay p99 ms", "longest", `p99 ÷ ${DELAY_MS} ms`, "limit", ""],
    rows: [[showRange(rates), showRange(summarize(delays)), show(longest), ...ratioCells(ratios["slowDisk.delayP99OfAllowed"])]],
    data: { jobs, syncMs: SYNC_MS, rounds: costs },
    ratios,
  };
}
