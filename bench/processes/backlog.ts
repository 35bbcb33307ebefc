/** An engine with very many jobs that wait, and what they cost it. In a process of its own: `bench/macro/backlog.ts` starts it. */

import { encode } from "../../dist/src/job/payload.js";
import { answer, childInput } from "../lib/child.js";
import { echo, requireEchoes, type Small, startEngine } from "../lib/engine.js";
import { settledMemory } from "../lib/memory.js";
import { enqueueOneByOne } from "../lib/noop-stream.js";
import { nextTurn } from "../lib/produce.js";
import { collectGarbage } from "../lib/rounds.js";

export interface BacklogInput {
  readonly waiting: number;
  /** Scheduled for later instead of waiting. */
  readonly areScheduled: boolean;
  /** How many jobs then go through another queue. None: only memory is measured. */
  readonly noops: number;
}

export interface BacklogAnswer {
  /** Beside the bytes of the payloads; null if nothing waits. */
  readonly heapBytesPerJob: number | null;
  readonly rssBytesPerJob: number | null;
  readonly payloadBytesPerJob: number;
  readonly fillPerSecond: number | null;
  /** After garbage collection. */
  readonly rssBytes: number;
  /** The most that the process ever took. */
  readonly peakBytes: number;
  /** Of the jobs that go through; null if there are none. */
  readonly jobsPerSecond: number | null;
}

const CHUNK = 1_000;
const THREADS = 2;
const WARM_UP_SHARE = 0.25;
const FIRST_SHARE = 0.02;

const { waiting, areScheduled, noops } = childInput() as BacklogInput;
const engine = await startEngine({ default: { threads: THREADS }, backlog: { threads: 0 } });
// The first ones bring what the process needs once: code, and room in the heap for what is only passing through.
const first = Math.ceil(waiting * FIRST_SHARE);
await fill(0, first);
const before = await settledMemory();
const startedAt = performance.now();
await fill(first, first + waiting);
const seconds = (performance.now() - startedAt) / 1_000;
const after = await settledMemory();
const payloadBytes = waiting === 0 ? 0 : sampledPayloadBytes();
const perJob = (key: "heap" | "rss"): number | null => (waiting === 0 ? null : (after[key] - before[key]) / waiting - payloadBytes);
const result: BacklogAnswer = {
  heapBytesPerJob: perJob("heap"),
  rssBytesPerJob: perJob("rss"),
  payloadBytesPerJob: payloadBytes,
  fillPerSecond: waiting === 0 ? null : waiting / seconds,
  rssBytes: after.rss,
  peakBytes: process.resourceUsage().maxRSS * 1_024,
  jobsPerSecond: noops === 0 ? null : await rate(),
};
// The jobs that wait go with the process.
await engine.stop({ timeout: 0 });
answer(result);

/** All different, so that nobody can keep one for all. */
function payloadOf(index: number): Small {
  return { a: index, b: "x" };
}

/** Handles are not kept. */
async function fill(from: number, to: number): Promise<void> {
  const options = { queue: "backlog", ...(areScheduled ? { delay: "24h" as const } : {}) };
  for (let next = from; next < to; next += CHUNK) {
    const payloads = Array.from({ length: Math.min(CHUNK, to - next) }, (_, index) => payloadOf(next + index));
    await engine.enqueueMany(echo, payloads, options);
    await nextTurn();
  }
}

function sampledPayloadBytes(): number {
  const step = Math.ceil(waiting / 1_000);
  let bytes = 0;
  let count = 0;
  for (let index = 0; index < waiting; index += step, count += 1) {
    bytes += encode(payloadOf(index), { root: "payload", maxBytes: Infinity }).bytes.byteLength;
  }
  return bytes / count;
}

async function rate(): Promise<number> {
  await enqueueOneByOne(engine, Math.ceil(noops * WARM_UP_SHARE));
  collectGarbage();
  const rateStartedAt = performance.now();
  requireEchoes(await enqueueOneByOne(engine, noops), noops);
  return (noops / (performance.now() - rateStartedAt)) * 1_000;
}
