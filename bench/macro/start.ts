/** S5: from `enqueue` to the start of the run on an engine that has nothing else to do. */

import { BareWorkers } from "../lib/bare-workers.js";
import { startEngine } from "../lib/engine.js";
import { median, quantile, show, showCount, showRange, summarize } from "../lib/numbers.js";
import { openPiscina } from "../lib/piscina.js";
import { pause } from "../lib/produce.js";
import { judge, ratioCells, type Ratios } from "../lib/ratio.js";
import type { Options, Section } from "../lib/report.js";
import { collectGarbage } from "../lib/rounds.js";
import { sharedNow } from "../threads/clock.js";

const SIZES = { full: { rounds: 7, starts: 300, warmUp: 300 }, quick: { rounds: 1, starts: 30, warmUp: 10 } };
/** Enough for everybody to fall asleep. */
const PAUSE_MS = 2;
/** What the engine may take beside twice a bare message. */
const EXTRA_US = 20;

const BARE = "bare postMessage()";
const ENGINE = "engine.enqueue()";

export async function startBench({ quick }: Options): Promise<readonly Section[]> {
  const { rounds, starts, warmUp } = SIZES[quick ? "quick" : "full"];
  const bare = await BareWorkers.open(1);
  const piscina = openPiscina(1);
  const engine = await startEngine({ default: { threads: 1 } });
  const contestants: Readonly<Record<string, () => Promise<unknown>>> = {
    [BARE]: () => bare.ask(0, { kind: "now" }),
    "piscina.run()": () => piscina.run(null, { name: "now" }),
    [ENGINE]: () => engine.run("now", null),
  };
  try {
    for (let index = 0; index < warmUp; index += 1) for (const run of Object.values(contestants)) await startAfterUs(run);
    const byRound: Record<string, number[]>[] = [];
    for (let round = 0; round < rounds; round += 1) {
      collectGarbage();
      const own: Record<string, number[]> = {};
      for (let index = 0; index < starts; index += 1) {
        for (const [name, run] of Object.entries(contestants)) (own[name] ??= []).push(await startAfterUs(run));
      }
      byRound.push(own);
    }
    return [toSection(Object.keys(contestants), byRound)];
  } finally {
    await engine.stop();
    await piscina.destroy();
    await bare.close();
  }
}

async function startAfterUs(run: () => Promise<unknown>): Promise<number> {
  await pause(PAUSE_MS);
  const calledAt = sharedNow();
  return (Number(await run()) - calledAt) * 1_000;
}

function toSection(names: readonly string[], byRound: readonly Readonly<Record<string, readonly number[]>>[]): Section {
  const medians = (name: string): readonly number[] => byRound.map((round) => median(round[name] ?? []));
  const bare = medians(BARE);
  const allowed = medians(ENGINE).map((us, round) => us / (2 * (bare[round] ?? NaN) + EXTRA_US));
  const ratios: Ratios = { "s5.p50OfAllowed": judge(allowed, { atMost: 1, allowance: true }) };
  const data = names.map((name) => {
    const all = byRound.flatMap((round) => round[name] ?? []);
    return { name, p50Us: summarize(medians(name)), p99Us: quantile(all, 0.99), maxUs: Math.max(...all), n: all.length };
  });
  return {
    title: "S5: from the call to the start of the run, one thread that is idle",
    notes: [
      `${byRound.length} rounds of one call of each in turn, ${PAUSE_MS} ms apart. p50 is the median of the rounds' medians, with the whole range in brackets; p99 and longest are those of all.`,
      `Allowed is twice a bare message and ${EXTRA_US} µs, round by round.`,
    ],
    columns: ["", "p50 µs", "p99 µs", "longest", "n", "p50 ÷ allowed", "limit", ""],
    rows: data.map(({ name, p50Us, p99Us, maxUs, n }) => {
      return [name, showRange(p50Us), show(p99Us), show(maxUs), showCount(n), ...ratioCells(name === ENGINE ? ratios["s5.p50OfAllowed"] : undefined)];
    }),
    data,
    ratios,
  };
}
