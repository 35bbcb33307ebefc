/** Runs small pieces of code again and again, by tinybench, and says what one operation takes. */

import { Bench } from "tinybench";
import { show } from "./numbers.js";
import type { Options, Section } from "./report.js";

export interface MicroCase {
  readonly name: string;
  /** Operations of one call of `run`: enough that the clock can tell it from nothing. */
  readonly ops: number;
  readonly run: () => unknown;
  /** Before each call of `run`; not measured. */
  readonly before?: () => unknown;
}

const TIME_MS = { full: 500, quick: 5 };
const WARMUP_MS = { full: 200, quick: 2 };

export async function runMicro(title: string, cases: readonly MicroCase[], { quick }: Options): Promise<Section> {
  const size = quick ? "quick" : "full";
  const bench = new Bench({ time: TIME_MS[size], warmupTime: WARMUP_MS[size], iterations: quick ? 1 : 64, warmupIterations: quick ? 1 : 16, throws: true });
  for (const { name, run, before } of cases) bench.add(name, run, before === undefined ? {} : { beforeEach: async () => void (await before()) });
  const tasks = await bench.run();
  const data = tasks.map(({ name, result }, index) => {
    if (result.state !== "completed") throw new Error(`${title}: ${name} did not complete, but ${result.state}`);
    const { p50, p75, p99, samplesCount } = result.latency;
    const ops = cases[index]?.ops ?? 1;
    const toNs = (ms: number): number => (ms / ops) * 1e6;
    return { name, ops, samples: samplesCount, medianNs: toNs(p50), p75Ns: toNs(p75), p99Ns: toNs(p99) };
  });
  return {
    title,
    notes: [],
    columns: ["operation", "median ns", "p75", "p99", "operations/s", "samples × operations"],
    rows: data.map(({ name, ops, samples, medianNs, p75Ns, p99Ns }) => {
      return [name, show(medianNs), show(p75Ns), show(p99Ns), show(1e9 / medianNs), `${samples.toLocaleString("en-US")} × ${ops}`];
    }),
    data,
  };
}
