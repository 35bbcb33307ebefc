/** S9: what it costs to grow: more queues, and more jobs that wait behind. */

import type { Engine } from "millrace";
import { BarePort } from "../lib/bare-port.js";
import { stepsPerMs } from "../lib/calibrate.js";
import { burnJob, echo, requireEchoes, small, startEngine } from "../lib/engine.js";
import { enqueueOneByOne } from "../lib/noop-stream.js";
import { showCount, showRange, summarize, type Summary } from "../lib/numbers.js";
import { callPiscina, describeSetting, openPiscina, tryPiscina } from "../lib/piscina.js";
import { nextTurn, oneByOne } from "../lib/produce.js";
import { judge, quotients, type Ratio, ratioCells, type Ratios } from "../lib/ratio.js";
import type { Options, Section } from "../lib/report.js";
import { collectGarbage, inTurns, rates } from "../lib/rounds.js";

const QUEUES = [1, 2, 4, 8];
const BUSY_MS = 0.1;
/** Small enough to be divided among all. */
const BUSY_FRAME = 16;
const THREADS = 2;
const SIZES = {
  full: { rounds: 5, noops: 50_000, busy: 4_000, depths: [1e3, 1e4, 1e5, 1e6] },
  quick: { rounds: 1, noops: 500, busy: 50, depths: [1e2, 1e3] },
};
type Sizes = (typeof SIZES)["full"];

export async function growthBench({ quick }: Options): Promise<readonly Section[]> {
  const sizes = SIZES[quick ? "quick" : "full"];
  return [await benchQueues(sizes), await benchDepths(sizes)];
}

interface QueuesRow {
  readonly queues: number;
  readonly work: string;
  readonly key: string;
  readonly bare: Summary;
  /** Null where it is not measured. */
  readonly piscina: Summary | null;
  readonly engine: Summary;
  readonly ratio: Ratio;
}

async function benchQueues(sizes: Sizes): Promise<Section> {
  const steps = Math.round(stepsPerMs() * BUSY_MS);
  const task = { name: "echo", payloadOf: small };
  const [{ setting }] = await tryPiscina(THREADS, { task, jobs: Math.ceil(sizes.noops / 10) });
  const rows: QueuesRow[] = [];
  for (const queues of QUEUES) {
    const names = Array.from({ length: queues }, (_, index) => `queue-${index}`);
    const engine = await startEngine(Object.fromEntries(names.map((name) => [name, { threads: 1 }])));
    const bare = await BarePort.open(queues);
    const piscina = openPiscina(queues, setting);
    try {
      const callRaw = (): Promise<readonly unknown[]> => callPiscina(piscina, setting, { task, jobs: sizes.noops });
      rows.push(...(await compareQueues({ engine, bare, callRaw, names, steps }, sizes)));
    } finally {
      await piscina.destroy();
      await engine.stop();
      await bare.close();
    }
  }
  return {
    title: "S9: many queues, one thread each",
    notes: [
      `${sizes.rounds} rounds of ${showCount(sizes.noops)} jobs that do nothing, and ${showCount(sizes.busy)} of ${BUSY_MS} ms, enqueued one by one into all queues in turn; medians, with the whole range in brackets. Each beside a bare port with as many threads, in the same round. Piscina is one pool with as many threads, at its best setting for two: ${describeSetting(setting)}.`,
    ],
    columns: ["queues", "jobs", "bare port jobs/s", "Piscina jobs/s", "engine jobs/s", "÷ bare port", "limit", ""],
    rows: rows.map(({ queues, work, bare, piscina, engine, ratio }) => {
      return [`${queues}`, work, showRange(bare), piscina === null ? "–" : showRange(piscina), showRange(engine), ...ratioCells(ratio)];
    }),
    data: rows,
    ratios: Object.fromEntries(rows.map(({ key, ratio }) => [key, ratio])),
  };
}

interface Compared {
  readonly engine: Engine;
  readonly bare: BarePort;
  readonly callRaw: () => Promise<readonly unknown[]>;
  readonly names: readonly string[];
  readonly steps: number;
}

async function compareQueues({ engine, bare, callRaw, names, steps }: Compared, { rounds, noops, busy }: Sizes): Promise<readonly QueuesRow[]> {
  const optionsOf = (index: number): { readonly queue: string } => ({ queue: names[index % names.length] ?? "" });
  const burnOne = async (index: number): Promise<number> => (await engine.enqueue(burnJob, steps, optionsOf(index))).result();
  const costs = await inTurns(
    [
      { name: "bare noop", run: async () => requireEchoes(await bare.echo(noops, small), noops) },
      { name: "engine noop", run: async () => requireEchoes(await enqueueOneByOne(engine, noops, optionsOf), noops) },
      { name: "raw noop", run: async () => requireEchoes(await callRaw(), noops) },
      { name: "bare busy", run: () => bare.echo(busy, () => ({ steps }), BUSY_FRAME) },
      { name: "engine busy", run: () => oneByOne(busy, burnOne) },
    ],
    rounds,
  );
  const row = (kind: string, jobs: number, texts: { readonly work: string; readonly key: string }): QueuesRow => {
    const [own, other] = [rates(costs.get(`engine ${kind}`), jobs), rates(costs.get(`bare ${kind}`), jobs)];
    const raw = costs.get(`raw ${kind}`);
    const piscina = raw === undefined ? null : summarize(rates(raw, jobs));
    return { queues: names.length, ...texts, bare: summarize(other), piscina, engine: summarize(own), ratio: judge(quotients(own, other), { atLeast: 0.7 }) };
  };
  return [
    row("noop", noops, { work: "no-op", key: `s9.noop.queues${names.length}.vsBarePort` }),
    row("busy", busy, { work: `${BUSY_MS} ms`, key: `s9.busy.queues${names.length}.vsBarePort` }),
  ];
}

async function benchDepths({ rounds, noops, depths }: Sizes): Promise<Section> {
  const byDepth = new Map(depths.map((depth) => [depth, [] as number[]]));
  for (let round = 0; round < rounds; round += 1) {
    collectGarbage();
    for (const [depth, rate] of await rateByDepth(depths, noops)) byDepth.get(depth)?.push(rate);
  }
  const [first, ...deeper] = depths;
  const shallow = byDepth.get(first ?? 0) ?? [];
  const keyOf = (depth: number): string => `s9.waiting1e${Math.round(Math.log10(depth))}`;
  const ratios: Ratios = Object.fromEntries(deeper.map((depth) => [keyOf(depth), judge(quotients(byDepth.get(depth) ?? [], shallow), { atLeast: 0.75 })]));
  const data = [...byDepth].map(([depth, all]) => ({ depth, jobsPerSecond: summarize(all) }));
  return {
    title: `S9: many jobs that wait behind in the same queue, ${THREADS} threads`,
    notes: [
      `${rounds} rounds of a new engine each, which is filled more and more; medians, with the whole range in brackets. ${showCount(noops)} jobs that do nothing are enqueued one by one and go before those that wait, which have a lower priority. What runs of the latter in the end is counted.`,
    ],
    columns: ["waiting", "jobs/s", `÷ that with ${showCount(first ?? 0)}`, "limit", ""],
    rows: data.map(({ depth, jobsPerSecond }) => [showCount(depth), showRange(jobsPerSecond), ...ratioCells(ratios[keyOf(depth)])]),
    data: { rounds, noops, rows: data },
    ratios,
  };
}

async function rateByDepth(depths: readonly number[], noops: number): Promise<ReadonlyMap<number, number>> {
  const engine = await startEngine({ default: { threads: THREADS } });
  const result = new Map<number, number>();
  try {
    // New threads know nothing yet.
    await enqueueOneByOne(engine, noops);
    await engine.pause("default");
    for (const depth of depths) {
      await fillTo(engine, depth);
      collectGarbage();
      result.set(depth, await rateInFront(engine, noops));
    }
    return result;
  } finally {
    await engine.stop({ timeout: 0 });
  }
}

const CHUNK = 1_000;

async function fillTo(engine: Engine, depth: number): Promise<void> {
  const missing = depth - ((await engine.stats()).queues["default"]?.waiting ?? 0);
  for (let done = 0; done < missing; done += CHUNK) {
    await engine.enqueueMany(echo, Array.from({ length: Math.min(CHUNK, missing - done) }, small), { priority: 1 });
    await nextTurn();
  }
}

async function rateInFront(engine: Engine, noops: number): Promise<number> {
  const before = await completed(engine);
  const startedAt = performance.now();
  const stream = enqueueOneByOne(engine, noops);
  await engine.resume("default");
  const results = await stream;
  await engine.pause("default");
  const seconds = (performance.now() - startedAt) / 1_000;
  requireEchoes(results, noops);
  return ((await completed(engine)) - before) / seconds;
}

async function completed(engine: Engine): Promise<number> {
  return (await engine.stats()).queues["default"]?.totals.completed ?? 0;
}
