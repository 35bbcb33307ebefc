/** A process dies with a million jobs in its file: how long the next one takes until it runs them, and how much memory. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inChild } from "../lib/child.js";
import { showCount, showRange, summarize } from "../lib/numbers.js";
import { judge, ratioCells, type Ratios } from "../lib/ratio.js";
import type { Options, Section } from "../lib/report.js";
import type { RecoveryAnswer } from "../processes/recovery.js";
import type { RecoveryInput } from "../processes/recovery-fill.js";

const SIZES = { full: { rounds: 5, waiting: 1_000_000 }, quick: { rounds: 1, waiting: 5_000 } };
/** What "seconds" is taken to mean. */
const SECONDS = 5;
const RSS_MB = 100;

export async function recoveryBench({ quick }: Options): Promise<readonly Section[]> {
  const { rounds, waiting } = SIZES[quick ? "quick" : "full"];
  const answers: RecoveryAnswer[] = [];
  for (let round = 0; round < rounds; round += 1) answers.push(await recover(waiting));
  const of = (key: keyof RecoveryAnswer): readonly number[] => answers.map((answer) => answer[key]);
  const ratios: Ratios = {
    "recovery.secondsOfAllowed": judge(of("firstEndMs").map((ms) => ms / 1_000 / SECONDS), { atMost: 1, allowance: true }),
    "recovery.rssOfAllowed": judge(of("rssMb").map((mb) => mb / RSS_MB), { atMost: 1, allowance: true }),
  };
  return [
    {
      title: `Recovery: the owner of ${showCount(waiting)} jobs is killed`,
      notes: [
        `${rounds} rounds; medians, with the whole range in brackets. A process stores the jobs, runs a thousand and is killed with others under way. The next process starts an engine on the file: until start() resolves, until the first job has ended, and what it has grown by, its threads included, after collecting garbage. All jobs are counted: none may be missing.`,
      ],
      columns: ["", "", "judged", "ratio", "limit", ""],
      rows: [
        ["started, ms", showRange(summarize(of("startedMs"))), "–", ...ratioCells(undefined)],
        ["first job ended, ms", showRange(summarize(of("firstEndMs"))), `÷ ${SECONDS} s`, ...ratioCells(ratios["recovery.secondsOfAllowed"])],
        ["memory grown, MB", showRange(summarize(of("rssMb"))), `÷ ${RSS_MB} MB`, ...ratioCells(ratios["recovery.rssOfAllowed"])],
        ["most memory ever, MB", showRange(summarize(of("peakMb"))), "–", ...ratioCells(undefined)],
      ],
      data: { rounds, waiting, answers },
      ratios,
    },
  ];
}

async function recover(waiting: number): Promise<RecoveryAnswer> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  try {
    const input: RecoveryInput = { folder, waiting };
    await inChild(new URL("../processes/recovery-fill.ts", import.meta.url), input).catch(requireKilled);
    const answer = await inChild<RecoveryAnswer>(new URL("../processes/recovery.ts", import.meta.url), input);
    if (answer.jobs !== waiting) throw new Error(`${waiting} jobs were stored, and ${answer.jobs} are there`);
    return answer;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function requireKilled(error: unknown): void {
  if (!(error as Error).message.includes("SIGKILL")) throw error;
}
