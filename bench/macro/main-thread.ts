/**
 * S6: how late the main thread comes to its own work while jobs run: beside an idle process, two bare threads that burn, and a bare
 * Piscina. Once by its event loop, once by an HTTP server that is asked at a steady rate.
 */

import { BareWorkers } from "../lib/bare-workers.js";
import { stepsPerMs } from "../lib/calibrate.js";
import { startEngine } from "../lib/engine.js";
import { HttpLoad } from "../lib/http-load.js";
import { BARE, BURN_AT_ONCE, IDLE, makeLoads, NOOP, NOOP_AT_ONCE, PISCINA, type Sizes } from "../lib/main-thread-loads.js";
import type { Cost } from "../lib/measure.js";
import { median, quantile, show, showCount, showRange, summarize } from "../lib/numbers.js";
import { openPiscina } from "../lib/piscina.js";
import { judge, type Ratio, ratioCells, type Ratios } from "../lib/ratio.js";
import type { Options, Section } from "../lib/report.js";
import { collectGarbage, type Contestant, inTurns, values } from "../lib/rounds.js";

const THREADS = 2;
/** Beside the HTTP server work comes in smaller pieces, so that it ends soon after the last answer. */
const SIZES = {
  full: { rounds: 5, loop: { burns: 4_000, atOnce: 4_000, noops: 100_000 }, http: { burns: 400, atOnce: 4_000, noops: 20_000 }, httpMs: 2_000 },
  quick: { rounds: 1, loop: { burns: 100, atOnce: 100, noops: 1_000 }, http: { burns: 20, atOnce: 100, noops: 1_000 }, httpMs: 200 },
};
/** How late it may be at most, in ms. */
const MAX_MS = 20;
/** By how much more than beside two bare threads, in ms. */
const EXTRA_MS = { burn: 5, noop: 15 };
const HTTP_FACTOR = 2;
const HTTP_LOADS: readonly string[] = [IDLE, BARE, PISCINA, BURN_AT_ONCE, NOOP];

export async function mainThreadBench({ quick }: Options): Promise<readonly Section[]> {
  const { rounds, loop, http: httpSizes, httpMs } = SIZES[quick ? "quick" : "full"];
  const bare = await BareWorkers.open(THREADS);
  const piscina = openPiscina(THREADS);
  const engine = await startEngine({ default: { threads: THREADS } });
  const http = await HttpLoad.open();
  try {
    const workers = { bare, piscina, engine, steps: stepsPerMs() };
    const delays = toDelaySection(await inTurns(makeLoads(workers, loop), rounds), rounds, loop);
    const asked = makeLoads(workers, httpSizes).filter(({ name }) => HTTP_LOADS.includes(name));
    return [delays, toHttpSection(await askInTurns(http, asked, { rounds, ms: httpMs }), rounds)];
  } finally {
    await http.close();
    await engine.stop();
    await piscina.destroy();
    await bare.close();
  }
}

function toDelaySection(costs: ReadonlyMap<string, readonly Cost[]>, rounds: number, { burns, noops }: Sizes): Section {
  const p99 = (name: string): readonly number[] => values(costs.get(name), "delayP99");
  const max = (name: string): Ratio => judge(values(costs.get(name), "delayMax").map((ms) => ms / MAX_MS), { atMost: 1, allowance: true });
  const above = (name: string, extraMs: number): Ratio => {
    const allowed = p99(BARE).map((ms) => ms + extraMs);
    return judge(p99(name).map((ms, round) => ms / (allowed[round] ?? NaN)), { atMost: 1, allowance: true });
  };
  const ratios: Ratios = {
    "s6.burn.delayMaxOfAllowed": max(BURN_AT_ONCE),
    "s6.burn.delayP99OfAllowed": above(BURN_AT_ONCE, EXTRA_MS.burn),
    "s6.noop.delayMaxOfAllowed": max(NOOP_AT_ONCE),
    "s6.noop.delayP99OfAllowed": above(NOOP, EXTRA_MS.noop),
  };
  const judged: Readonly<Record<string, readonly (readonly [what: string, key: string])[]>> = {
    [BURN_AT_ONCE]: [
      [`longest ÷ ${MAX_MS} ms`, "s6.burn.delayMaxOfAllowed"],
      [`p99 ÷ (bare threads' + ${EXTRA_MS.burn} ms)`, "s6.burn.delayP99OfAllowed"],
    ],
    [NOOP_AT_ONCE]: [[`longest ÷ ${MAX_MS} ms`, "s6.noop.delayMaxOfAllowed"]],
    [NOOP]: [[`p99 ÷ (bare threads' + ${EXTRA_MS.noop} ms)`, "s6.noop.delayP99OfAllowed"]],
  };
  const data = [...costs.keys()].map((name) => ({
    name,
    delayP99Ms: summarize(p99(name)),
    delayMaxMs: summarize(values(costs.get(name), "delayMax")),
    seconds: median(values(costs.get(name), "seconds")),
    cores: median(values(costs.get(name), "cores")),
  }));
  return {
    title: `S6: the event loop of the main thread beside ${THREADS} busy threads`,
    notes: [
      `${rounds} rounds, each of all rows in turn; medians of the rounds, with the whole range in brackets. ${showCount(burns)} jobs of 1 ms, or as many units of it for the bare threads; "one by one" are ${showCount(noops)}. Every result is awaited.`,
      "Delay is how late the event loop came to a timer. Where there are as many threads as cores, the main thread has to share one.",
    ],
    columns: ["", "delay p99 ms", "longest ms", "seconds", "cores", "judged", "share", "limit", ""],
    rows: data.flatMap(({ name, delayP99Ms, delayMaxMs, seconds, cores }) => {
      const own = [name, showRange(delayP99Ms), showRange(delayMaxMs), show(seconds), show(cores)];
      return judgedRows(own, (judged[name] ?? []).map(([what, key]) => [what, ratios[key]]));
    }),
    data: { rounds, burns, noops, rows: data },
    ratios,
  };
}

/** One row for each judgement; what is the same in all is in the first. */
function judgedRows(own: readonly string[], judgements: readonly (readonly [what: string, ratio: Ratio | undefined])[]): readonly (readonly string[])[] {
  if (judgements.length === 0) return [[...own, "–", ...ratioCells(undefined)]];
  return judgements.map(([what, ratio], index) => [...(index === 0 ? own : own.map(() => "")), what, ...ratioCells(ratio)]);
}

/** @returns how long the answers took, in ms, by load and round */
async function askInTurns(
  http: HttpLoad,
  loads: readonly Contestant[],
  { rounds, ms }: { readonly rounds: number; readonly ms: number },
): Promise<ReadonlyMap<string, readonly (readonly number[])[]>> {
  const latencies = new Map(loads.map(({ name }) => [name, [] as (readonly number[])[]]));
  await http.ask(Math.min(ms, 500));
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, run } of loads) {
      collectGarbage();
      let isAsking = true;
      const asked = http.ask(ms).finally(() => (isAsking = false));
      while (isAsking) await run();
      latencies.get(name)?.push(await asked);
    }
  }
  return latencies;
}

function toHttpSection(latencies: ReadonlyMap<string, readonly (readonly number[])[]>, rounds: number): Section {
  const at = (name: string, share: number): readonly number[] => (latencies.get(name) ?? []).map((round) => quantile(round, share));
  const versus = (name: string): Ratio => {
    const allowed = at(BARE, 0.99).map((ms) => HTTP_FACTOR * ms);
    return judge(at(name, 0.99).map((ms, round) => ms / (allowed[round] ?? NaN)), { atMost: 1, allowance: true });
  };
  const ratios: Ratios = { "s6.burn.httpP99OfAllowed": versus(BURN_AT_ONCE), "s6.noop.httpP99OfAllowed": versus(NOOP) };
  const keys: Readonly<Record<string, string>> = { [BURN_AT_ONCE]: "s6.burn.httpP99OfAllowed", [NOOP]: "s6.noop.httpP99OfAllowed" };
  const data = [...latencies].map(([name, all]) => ({
    name,
    requests: all.flat().length,
    p50Ms: summarize(at(name, 0.5)),
    p99Ms: summarize(at(name, 0.99)),
    maxMs: Math.max(...all.flat()),
  }));
  return {
    title: "S6: an HTTP server in the same process, asked 200 times a second by another one",
    notes: [
      `${rounds} rounds, each of all rows in turn; medians of the rounds, with the whole range in brackets. The client does not wait for answers before it asks again. The work of each row is repeated as long as it asks.`,
      `Allowed is ${HTTP_FACTOR} times the p99 beside two bare threads that burn, round by round.`,
    ],
    columns: ["", "p50 ms", "p99 ms", "longest ms", "n", "p99 ÷ allowed", "limit", ""],
    rows: data.map(({ name, requests, p50Ms, p99Ms, maxMs }) => {
      return [name, showRange(p50Ms), showRange(p99Ms), show(maxMs), showCount(requests), ...ratioCells(ratios[keys[name] ?? ""])];
    }),
    data: { rounds, rows: data },
    ratios,
  };
}
