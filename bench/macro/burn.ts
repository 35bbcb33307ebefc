/** S3: jobs that keep a core busy. How much of two cores reaches them, beside raw Piscina and two threads that do nothing else. */

import { BareWorkers } from "../lib/bare-workers.js";
import { stepsPerMs } from "../lib/calibrate.js";
import { burnJob, startEngine } from "../lib/engine.js";
import type { Cost } from "../lib/measure.js";
import { median, show, showCount, showRange, summarize } from "../lib/numbers.js";
import { callPiscina, describeSetting, openPiscina, type PiscinaSetting, tryPiscina } from "../lib/piscina.js";
import { oneByOne } from "../lib/produce.js";
import { judge, quotients, ratioCells, type Ratios } from "../lib/ratio.js";
import type { Options, Section } from "../lib/report.js";
import { inTurns, rates, values } from "../lib/rounds.js";

const THREADS = 2;
const SIZES = { full: { rounds: 7, busyMs: 4_000, tryMs: 400 }, quick: { rounds: 1, busyMs: 100, tryMs: 20 } };
const KINDS = [
  { ms: 1, key: "1ms", share: 0.94 },
  { ms: 20, key: "20ms", share: 0.97 },
];

const PISCINA = "piscina.run()";
const BARE = "bare threads";
const ENGINE = "engine.enqueue()";

export async function burnBench({ quick }: Options): Promise<readonly Section[]> {
  const { rounds, busyMs, tryMs } = SIZES[quick ? "quick" : "full"];
  const perMs = stepsPerMs();
  const bare = await BareWorkers.open(THREADS);
  const engine = await startEngine({ default: { threads: THREADS } });
  const sections: Section[] = [];
  try {
    for (const kind of KINDS) {
      const steps = perMs * kind.ms;
      const jobs = busyMs / kind.ms;
      const task = { name: "burn", payloadOf: () => steps };
      const [{ setting }] = await tryPiscina(THREADS, { task, jobs: Math.max(tryMs / kind.ms, THREADS) });
      const piscina = openPiscina(THREADS, setting);
      const contestants = [
        { name: BARE, run: () => bare.burn(jobs, steps) },
        { name: ENGINE, run: () => oneByOne(jobs, () => engine.enqueue(burnJob, steps).then((handle) => handle.result())) },
        { name: PISCINA, run: () => callPiscina(piscina, setting, { task, jobs }) },
      ];
      sections.push(toSection({ kind, costs: await inTurns(contestants, rounds), rounds, jobs, setting }));
      await piscina.destroy();
    }
    return sections;
  } finally {
    await engine.stop();
    await bare.close();
  }
}

interface Measured {
  readonly kind: (typeof KINDS)[number];
  readonly costs: ReadonlyMap<string, readonly Cost[]>;
  readonly rounds: number;
  readonly jobs: number;
  readonly setting: PiscinaSetting;
}

function toSection({ kind, costs, rounds, jobs, setting }: Measured): Section {
  const { ms, key, share } = kind;
  const of = (name: string): readonly number[] => rates(costs.get(name), jobs);
  const shareKey = `s3.${key}.vsBareThreads`;
  const piscinaKey = `s3.${key}.vsPiscina`;
  const ratios: Ratios = {
    [shareKey]: judge(quotients(of(ENGINE), of(BARE)), { atLeast: share }),
    ...(ms === 1 ? { [piscinaKey]: judge(quotients(of(ENGINE), of(PISCINA)), { atLeast: 1 }) } : {}),
  };
  const data = [...costs.keys()].map((name) => ({
    name,
    jobsPerSecond: summarize(of(name)),
    shareOfBareThreads: summarize(quotients(of(name), of(BARE))),
    cores: median(values(costs.get(name), "cores")),
    delayP99Ms: median(values(costs.get(name), "delayP99")),
    delayMaxMs: Math.max(...values(costs.get(name), "delayMax")),
  }));
  return {
    title: `S3: jobs of ${ms} ms, ${THREADS} threads`,
    notes: [
      `${rounds} rounds of ${showCount(jobs)} jobs, each of all rows in turn; medians, with the whole range in brackets. Ratios are taken round by round. All burn the same number of steps; the bare threads get theirs in one message each, divided evenly.`,
      `Piscina at the best of its settings that were tried before: ${describeSetting(setting)}. Other pools: npm run bench:peers.`,
    ],
    columns: ["", "jobs/s", "share of bare threads", "cores", "delay p99 ms", "longest", "compared with", "ratio", "limit", ""],
    rows: data.flatMap(({ name, jobsPerSecond, shareOfBareThreads, cores, delayP99Ms, delayMaxMs }) => {
      const own = [name, showRange(jobsPerSecond), showRange(shareOfBareThreads), show(cores), show(delayP99Ms), show(delayMaxMs)];
      if (name !== ENGINE) return [[...own, "–", ...ratioCells(undefined)]];
      const rows = [[...own, "bare threads", ...ratioCells(ratios[shareKey])]];
      const versus = ratios[piscinaKey];
      return versus === undefined ? rows : [...rows, ["", "", "", "", "", "", "Piscina", ...ratioCells(versus)]];
    }),
    data: { jobs, rounds, piscina: describeSetting(setting), rows: data },
    ratios,
  };
}
