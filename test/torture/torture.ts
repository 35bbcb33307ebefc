/** One engine on real threads, a random mix of good and bad jobs, and what came of it. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEngine, type Engine, type EngineOptions, type JobHandle } from "millrace";
import { sabotagedEngine, type Sabotage } from "../faults/sabotage.js";
import { Dice } from "../sim/dice.js";
import { grownFor, takeCensus } from "./census.js";
import { type MemoryReport, MemoryWatch } from "./memory.js";
import { planJob, type Planned, type Queue, QUEUES } from "./plan.js";
import { Recorder, type Recording } from "./record.js";
import { judge } from "./verdicts.js";

export interface TortureOptions {
  readonly seed: number;
  readonly ms: number;
  readonly sabotage?: Sabotage | undefined;
}

export interface TortureReport {
  readonly recording: Recording;
  readonly memory: MemoryReport;
  readonly violations: readonly string[];
}

/** Jobs that each queue has at once, at most. */
const SLOTS = 24;
/** More than enough for the jobs that are under way when the time is over. */
const DRAIN_MS = 60_000;
const STOP_MS = 10_000;
const SETTLE_MS = 10_000;
const GRACE_MS = 50;

export async function torture({ seed, ms, sabotage }: TortureOptions): Promise<TortureReport> {
  const folder = mkdtempSync(join(tmpdir(), "torture-"));
  const ledger = join(folder, "ledger");
  try {
    writeFileSync(ledger, "");
    await warmUp(ledger);
    const before = takeCensus();
    const recorder = new Recorder();
    const { outcomes, memory } = await runJobs({ seed, ms, recorder, engine: newEngine(ledger, sabotage) });
    recorder.readLedger(ledger);
    const grown = (await grownFor(before, SETTLE_MS)).map((text) => `left behind: ${text}`);
    const memoryWrongs = memory.isLongEnough && !memory.isFlat ? ["memory: it grows"] : [];
    return { recording: recorder, memory, violations: [...outcomes, ...judge(recorder), ...grown, ...memoryWrongs] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a process loads with its first engine stays. */
async function warmUp(ledger: string): Promise<void> {
  const engine = newEngine(ledger);
  await engine.start();
  const jobs = await Promise.all(Object.keys(QUEUES).map((queue) => engine.enqueue("loop", {}, { queue, timeout: 1, maxRetries: 0 })));
  await Promise.allSettled(jobs.map((job) => job.result()));
  await engine.stop();
  writeFileSync(ledger, "");
}

function newEngine(ledger: string, sabotage?: Sabotage): Engine {
  const options: EngineOptions = {
    jobs: new URL("./jobs.js", import.meta.url),
    queues: Object.fromEntries(Object.entries(QUEUES).map(([name, { weights: _, ...queue }]) => [name, queue])),
    retention: { completed: { count: 100 }, dead: { count: 100 } },
    env: { TORTURE_LEDGER: ledger },
    execArgv: [],
    grace: GRACE_MS,
  };
  return sabotage === undefined ? createEngine(options) : sabotagedEngine(options, sabotage);
}

interface Run {
  readonly seed: number;
  readonly ms: number;
  readonly engine: Engine;
  readonly recorder: Recorder;
}

async function runJobs({ seed, ms, engine, recorder }: Run): Promise<{ readonly outcomes: readonly string[]; readonly memory: MemoryReport }> {
  const outcomes: string[] = [];
  recorder.listen(engine);
  engine.on("log", ({ id, message }) => {
    if (message === "cancel me") void engine.cancel(id).catch((error: unknown) => outcomes.push(`cancel rejected: ${String(error)}`));
  });
  await engine.start();
  const memory = new MemoryWatch();
  const end = performance.now() + ms;
  const slots = Object.entries(QUEUES).flatMap(([name, queue], part) =>
    Array.from({ length: SLOTS }, async (_, slot) => {
      const dice = new Dice(seed, part * SLOTS + slot);
      while (performance.now() < end) outcomes.push(...(await runOne({ engine, recorder, name, queue, dice })));
    }),
  );
  // Children, too; and only when nobody enqueues any more.
  await Promise.race([Promise.all(slots), after(ms + DRAIN_MS)]);
  await engine.drain({ timeout: DRAIN_MS / 2 }).catch((error: unknown) => outcomes.push(`drain rejected: ${String(error)}`));
  const { queues } = await engine.stats();
  for (const [name, { waiting, scheduled, retrying, running, leakedThreads }] of Object.entries(queues)) {
    if (leakedThreads > 0) outcomes.push(`${leakedThreads} threads of "${name}" could not be ended`);
    const left = waiting + scheduled + retrying + running;
    if (left > 0) outcomes.push(`${left} jobs of "${name}" did not end`);
  }
  const stoppedAt = performance.now();
  await engine.stop({ timeout: STOP_MS });
  if (performance.now() - stoppedAt > 2 * STOP_MS) outcomes.push("stop took too long");
  return { outcomes, memory: memory.stop() };
}

interface Slot {
  readonly engine: Engine;
  readonly recorder: Recorder;
  readonly name: string;
  readonly queue: Queue;
  readonly dice: Dice;
}

let made = 0;

/** @returns what was wrong with what its handle told */
async function runOne({ engine, recorder, name, queue, dice }: Slot): Promise<readonly string[]> {
  const { kind, payload, options, expected, isLate } = planJob(dice, queue);
  made += 1;
  const index = made;
  const job = await engine.enqueue(kind, { index, ...payload }, { ...options, queue: name });
  recorder.expect(job.id, { kind, queue: name, expected, isLate, index });
  return wrongOutcome(job, index, expected);
}

async function wrongOutcome(job: JobHandle, index: number, { code }: Planned["expected"]): Promise<readonly string[]> {
  const outcome = await job.result().then(
    (result) => ({ result, code: undefined }),
    (error: unknown) => ({ result: undefined, code: (error as { code?: string }).code }),
  );
  if (code === undefined ? outcome.result === index : outcome.code === code) return [];
  return [`${job.id} gave ${JSON.stringify(outcome)} instead of ${code ?? index}`];
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
