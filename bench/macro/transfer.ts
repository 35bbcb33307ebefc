/** S8: a mebibyte in and out by transfer, and both sides read every byte of it. */

import type { Piscina } from "piscina";
import type { Engine } from "millrace";
import { defineJob, type JobSpec } from "millrace/jobs";
import { BareWorkers } from "../lib/bare-workers.js";
import { startEngine } from "../lib/engine.js";
import { showCount, showRange, summarize } from "../lib/numbers.js";
import { openPiscina } from "../lib/piscina.js";
import { judge, quotients, ratioCells, type Ratios } from "../lib/ratio.js";
import type { Options, Section } from "../lib/report.js";
import { inTurns, rates } from "../lib/rounds.js";
import { readAll } from "../threads/work.js";

type Bytes = Uint8Array<ArrayBuffer>;
type Send = (bytes: Bytes, index: number) => Promise<unknown>;

const THREADS = 2;
const MIB = 2 ** 20;
/** Buffers that go round and round: two for each thread, so that none has to wait. */
const BUFFERS = 2 * THREADS;
const SIZES = { full: { rounds: 7, jobs: 2_000 }, quick: { rounds: 1, jobs: 40 } };

const BARE = "bare postMessage()";
const PISCINA = "piscina.run()";
const ENGINE = "engine.enqueue()";
const readAllJob: JobSpec<Bytes, Bytes> = defineJob<Bytes, Bytes>({ name: "readAll" });

export async function transferBench({ quick }: Options): Promise<readonly Section[]> {
  const { rounds, jobs } = SIZES[quick ? "quick" : "full"];
  const bare = await BareWorkers.open(THREADS);
  const piscina = openPiscina(THREADS);
  const engine = await startEngine({ default: { threads: THREADS } });
  try {
    const contestants = Object.entries({ [BARE]: byBare(bare), [PISCINA]: byPiscina(piscina), [ENGINE]: byEngine(engine) });
    const costs = await inTurns(contestants.map(([name, send]) => ({ name, run: () => goRound(jobs, send) })), rounds);
    const of = (name: string): readonly number[] => rates(costs.get(name), jobs);
    const ratios: Ratios = { "s8.vsBare": judge(quotients(of(ENGINE), of(BARE)), { atLeast: 0.8 }) };
    // In and out.
    const data = contestants.map(([name]) => ({ name, mbPerSecond: summarize(of(name).map((rate) => (rate * 2 * MIB) / 1e6)) }));
    return [
      {
        title: `S8: 1 MiB in and out by transfer, ${THREADS} threads`,
        notes: [
          `${rounds} rounds of ${showCount(jobs)} jobs, each of all rows in turn; medians, with the whole range in brackets. ${BUFFERS} buffers are under way; both sides read every byte, four at a time. MB/s counts both ways.`,
        ],
        columns: ["", "MB/s", "÷ bare", "limit", ""],
        rows: data.map(({ name, mbPerSecond }) => [name, showRange(mbPerSecond), ...ratioCells(name === ENGINE ? ratios["s8.vsBare"] : undefined)]),
        data: { rounds, jobs, rows: data },
        ratios,
      },
    ];
  } finally {
    await engine.stop();
    await piscina.destroy();
    await bare.close();
  }
}

function byBare(bare: BareWorkers): Send {
  return (bytes, index) => bare.ask(index % THREADS, { kind: "readAll", bytes }, [bytes.buffer]);
}

function byPiscina(piscina: Piscina<unknown, unknown>): Send {
  return (bytes) => piscina.run(bytes, { name: "readAll", transferList: [bytes.buffer] });
}

function byEngine(engine: Engine): Send {
  return async (bytes) => (await engine.enqueue(readAllJob, bytes, { transfer: [bytes.buffer] })).result();
}

async function goRound(jobs: number, send: Send): Promise<void> {
  let left = jobs;
  async function keepOneUnderWay(_: unknown, index: number): Promise<void> {
    let bytes = new Uint8Array(MIB).fill(index + 1);
    const sum = readAll(bytes);
    while (left > 0) {
      left -= 1;
      bytes = (await send(bytes, index)) as Bytes;
      if (readAll(bytes) !== sum) throw new Error("The bytes came back as others");
    }
  }
  await Promise.all(Array.from({ length: BUFFERS }, keepOneUnderWay));
}
