/**
 * S1 and S2: how many jobs that do nothing go through the whole engine in a second. Beside it, in turns, raw Piscina at its best
 * and a bare port.
 */

import type { Engine } from "millrace";
import { BarePort } from "../lib/bare-port.js";
import { echo, requireEchoes, small, type Small, startEngine } from "../lib/engine.js";
import type { Cost } from "../lib/measure.js";
import { enqueueOneByOne } from "../lib/noop-stream.js";
import { median, show, showCount, showRange, summarize } from "../lib/numbers.js";
import { callPiscina, describeSetting, openPiscina, type PiscinaSetting, triedSection, tryPiscina } from "../lib/piscina.js";
import { judge, quotients, ratioCells, type Ratios } from "../lib/ratio.js";
import type { Options, Section } from "../lib/report.js";
import { inTurns, rates, values } from "../lib/rounds.js";

const THREADS = 2;
const CHUNK = 1_000;
const SIZES = { full: { rounds: 5, jobs: 200_000, tries: 10_000 }, quick: { rounds: 1, jobs: 4_000, tries: 200 } };

const PISCINA = "piscina.run()";
const BARE = "bare port";
const S1 = "engine.enqueue(), one by one";
const S2 = `engine.enqueueMany(), ${CHUNK} at a time`;

export async function noopBench({ quick }: Options): Promise<readonly Section[]> {
  const { rounds, jobs, tries } = SIZES[quick ? "quick" : "full"];
  const task = { name: "echo", payloadOf: small };
  const tried = await tryPiscina(THREADS, { task, jobs: tries });
  const { setting } = tried[0];
  const piscina = openPiscina(THREADS, setting);
  const bare = await BarePort.open(THREADS);
  const engine = await startEngine({ default: { threads: THREADS } });
  try {
    const contestants: Readonly<Record<string, () => Promise<readonly unknown[]>>> = {
      [PISCINA]: () => callPiscina(piscina, setting, { task, jobs }),
      [S1]: () => enqueueOneByOne(engine, jobs),
      [S2]: () => enqueueInChunks(engine, jobs),
      [BARE]: () => bare.echo(jobs, small),
    };
    const checked = Object.entries(contestants).map(([name, run]) => ({ name, run: async () => requireEchoes(await run(), jobs) }));
    return [toSection({ costs: await inTurns(checked, rounds), rounds, jobs, setting }), triedSection(tried)];
  } finally {
    await engine.stop();
    await bare.close();
    await piscina.destroy();
  }
}

async function enqueueInChunks(engine: Engine, jobs: number): Promise<readonly Small[]> {
  const results: Promise<Small>[] = [];
  for (let first = 0; first < jobs; first += CHUNK) {
    const payloads = Array.from({ length: Math.min(CHUNK, jobs - first) }, small);
    for (const handle of await engine.enqueueMany(echo, payloads)) results.push(handle.result());
  }
  return Promise.all(results);
}

interface Measured {
  readonly costs: ReadonlyMap<string, readonly Cost[]>;
  readonly rounds: number;
  readonly jobs: number;
  readonly setting: PiscinaSetting;
}

function toSection({ costs, rounds, jobs, setting }: Measured): Section {
  const of = (name: string): readonly number[] => rates(costs.get(name), jobs);
  const ratios: Ratios = {
    "s1.vsPiscina": judge(quotients(of(S1), of(PISCINA)), { atLeast: 5, aim: 8 }),
    "s1.vsBarePort": judge(quotients(of(S1), of(BARE)), { atLeast: 0.35 }),
    "s2.vsPiscina": judge(quotients(of(S2), of(PISCINA)), { atLeast: 7, aim: 10 }),
  };
  const data = [...costs.keys()].map((name) => ({
    name,
    jobsPerSecond: summarize(of(name)),
    cores: median(values(costs.get(name), "cores")),
    delayP99Ms: median(values(costs.get(name), "delayP99")),
    delayMaxMs: Math.max(...values(costs.get(name), "delayMax")),
  }));
  const judged: Readonly<Record<string, readonly string[]>> = { [S1]: ["s1.vsPiscina", "s1.vsBarePort"], [S2]: ["s2.vsPiscina"] };
  return {
    title: `S1, S2: jobs that do nothing, ${THREADS} threads`,
    notes: [
      `${rounds} rounds of ${showCount(jobs)} jobs, each of all rows in turn; medians, with the whole range in brackets. Ratios are taken round by round. Every payload, { a: 1, b: "x" }, is echoed, and every result awaited. Memory storage, default options.`,
      `Piscina at the best of its settings that were tried before: ${describeSetting(setting)}. The bare port carries 256 payloads a message, each packed alone, and answers them the same way: no ids, no promises, no storage.`,
      "Cores are CPU time of all threads by time. Delay is how late the event loop of the main thread came to a timer: the median of the rounds' 99th percentiles, and the longest of all.",
    ],
    columns: ["", "jobs/s", "cores", "delay p99 ms", "longest", "compared with", "ratio", "limit", ""],
    rows: data.flatMap(({ name, jobsPerSecond, cores, delayP99Ms, delayMaxMs }) => {
      const own = [name, showRange(jobsPerSecond), show(cores), show(delayP99Ms), show(delayMaxMs)];
      const keys = judged[name] ?? [];
      if (keys.length === 0) return [[...own, "–", ...ratioCells(undefined)]];
      return keys.map((key, index) => {
        const other = key.endsWith("vsPiscina") ? "Piscina" : "bare port";
        return [...(index === 0 ? own : ["", "", "", "", ""]), other, ...ratioCells(ratios[key])];
      });
    }),
    data: { jobs, rounds, piscina: describeSetting(setting), rows: data },
    ratios,
  };
}
