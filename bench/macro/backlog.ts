/** S7: a million jobs that wait: the memory they take, and what is left of the rate of S1 beside them. */

import { inChild } from "../lib/child.js";
import { show, showCount, showRange, summarize } from "../lib/numbers.js";
import { judge, quotients, ratioCells, type Ratios } from "../lib/ratio.js";
import type { Options, Section } from "../lib/report.js";
import type { BacklogAnswer, BacklogInput } from "../processes/backlog.js";
import type { PiscinaBacklogAnswer } from "../processes/backlog-piscina.js";

const SIZES = { full: { rounds: 5, waiting: 1_000_000, noops: 200_000 }, quick: { rounds: 1, waiting: 5_000, noops: 1_000 } };
const HUGE = { full: 10_000_000, quick: 50_000 };
const HUGE_BYTES = 6 * 2 ** 30;
const MIB = 2 ** 20;

export async function backlogBench({ quick, huge }: Options): Promise<readonly Section[]> {
  const size = quick ? "quick" : "full";
  const { rounds, waiting, noops } = SIZES[size];
  const without: BacklogAnswer[] = [];
  const beside: BacklogAnswer[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const pair = [
      async () => void without.push(await ask({ waiting: 0, areScheduled: false, noops })),
      async () => void beside.push(await ask({ waiting, areScheduled: false, noops })),
    ];
    // In turns, each first once.
    for (const run of round % 2 === 0 ? pair : pair.toReversed()) await run();
  }
  const raw = await inChild<PiscinaBacklogAnswer>(new URL("../processes/backlog-piscina.ts", import.meta.url), waiting / 5);
  const sections = [toSection({ without, beside, raw, waiting, noops })];
  return huge ? [...sections, await hugeSection(HUGE[size])] : sections;
}

function ask(input: BacklogInput, execArgv: readonly string[] = []): Promise<BacklogAnswer> {
  return inChild<BacklogAnswer>(new URL("../processes/backlog.ts", import.meta.url), input, { execArgv });
}

interface Measured {
  readonly without: readonly BacklogAnswer[];
  readonly beside: readonly BacklogAnswer[];
  readonly raw: PiscinaBacklogAnswer;
  readonly waiting: number;
  readonly noops: number;
}

function toSection({ without, beside, raw, waiting, noops }: Measured): Section {
  const of = (answers: readonly BacklogAnswer[], key: keyof BacklogAnswer): readonly number[] => answers.map((answer) => answer[key] ?? NaN);
  const [rate, rateBeside] = [of(without, "jobsPerSecond"), of(beside, "jobsPerSecond")];
  const ratios: Ratios = {
    "s7.heapBytesPerJob": judge(of(beside, "heapBytesPerJob"), { atMost: 400, aim: 250 }),
    "s7.rssBytesPerJob": judge(of(beside, "rssBytesPerJob"), { atMost: 400, aim: 250 }),
    "s7.rateBesideBacklog": judge(quotients(rateBeside, rate), { atLeast: 0.8 }),
  };
  const [fill, payloadBytes] = [summarize(of(beside, "fillPerSecond")), summarize(of(beside, "payloadBytesPerJob")).median];
  return {
    title: `S7: ${showCount(waiting)} jobs that wait`,
    notes: [
      `${beside.length} rounds of two processes, one with and one without jobs that wait in another queue; medians, with the whole range in brackets. Memory storage; handles are not kept. Memory is taken after garbage collection, less what the process had with the first fiftieth of them and less the payloads of ${show(payloadBytes)} bytes.`,
      `Filled by enqueueMany at ${showRange(fill)} jobs/s. The rate is that of S1, ${showCount(noops)} jobs through 2 threads. Raw Piscina holds a fifth of them, once, with the payloads.`,
    ],
    columns: ["", "jobs/s", "raw Piscina", "judged", "limit", ""],
    rows: [
      ["bytes a job: heap and external", "–", show(raw.heapBytesPerJob), ...ratioCells(ratios["s7.heapBytesPerJob"])],
      ["bytes a job: resident memory", "–", show(raw.rssBytesPerJob), ...ratioCells(ratios["s7.rssBytesPerJob"])],
      ["S1 without", showRange(summarize(rate)), "–", ...ratioCells(undefined)],
      ["S1 beside them", showRange(summarize(rateBeside)), "–", ...ratioCells(ratios["s7.rateBesideBacklog"])],
    ],
    data: { waiting, noops, without, beside, raw },
    ratios,
  };
}

async function hugeSection(waiting: number): Promise<Section> {
  const limitMb = HUGE_BYTES / MIB;
  const answer = await ask({ waiting, areScheduled: true, noops: 0 }, [`--max-old-space-size=${limitMb}`]);
  const ratios: Ratios = { "s7.hugeOfAllowed": judge([answer.peakBytes / HUGE_BYTES], { atMost: 1 }) };
  return {
    title: `S7: ${showCount(waiting)} scheduled jobs`,
    notes: ["Once, in a process of its own. Resident memory of the whole process, after garbage collection and at its highest."],
    columns: ["jobs/s while filling", "resident MiB", "bytes a job", "highest MiB", "÷ 6 GiB", "limit", ""],
    rows: [[show(answer.fillPerSecond ?? NaN), show(answer.rssBytes / MIB), show(answer.rssBytesPerJob ?? NaN), show(answer.peakBytes / MIB), ...ratioCells(ratios["s7.hugeOfAllowed"])]],
    data: { waiting, ...answer },
    ratios,
  };
}
