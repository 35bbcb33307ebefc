/** What one seed is about. Each enables a random part of all faults and features (swarm testing): some bugs hide behind others. */

import { Dice } from "./dice.js";

export const STORAGE_FAULTS = ["rejectBefore", "rejectAfter", "delay", "hang", "late", "loseNotification", "doubleNotification"] as const;

/** What can happen to threads. */
export const THREAD_FAULTS = [
  "exit", // a job ends its thread, and the thread says whose code that was
  "exitUntold", // it does not
  "exitLate", // code that a run has left behind ends the thread
  "memory", // a job fills the heap
  "dieUnanswered", // the thread dies between finishing a job and answering
  "dieOutside", // the thread dies, and no job is to blame
  "hang", // a job never ends, but the thread goes on
  "spin", // a job never ends and blocks its thread
  "endless", // either of them without a deadline: only a cancel ends it
  "blockLate", // code that a run has left behind holds the thread
  "blockNobody", // code of no job does
  "strayRunning", // a job throws where nobody catches it, and goes on
  "strayLate", // code that a run has left behind throws
  "strayNobody", // code of no job throws
  "heapHigh", // the heap stays too full
  "slowDispose", // a thread takes long to end in an orderly way, or does not
  "noInspector", // who holds a thread cannot be read
  "stuck", // a killed thread is held by native code
  "lateAnswer", // an answer comes after the lane is gone
  "doubleAnswer", // an answer comes twice
  "bootFailure",
  "bootHang",
  "slowMessages",
] as const;

/** What can happen to a SQLite file, and the processes that use it. */
export const FILE_FAULTS = [
  "storageThreadDies", // the thread that the store runs in
  "jobKillsProcess", // a process dies when it has claimed jobs, again and again
] as const;

/** How jobs end, beside well. */
export const ENDINGS = ["failed", "unrecoverable", "snoozed", "longRuns", "children", "cooperative"] as const;

export const FEATURES: readonly string[] = (
  "priorities delays unique policies timeouts many transfers unknownNames newQueues " +
  "cancels retries removes pauses schedules reads tinyRetention recycling client restarts crashes takeovers jumps"
).split(" ");

export interface QueuePlan {
  readonly threads: number;
  readonly concurrency: number;
  readonly timeoutMs: number | null;
  readonly maxJobs: number | null;
}

export interface Plan {
  readonly seed: number;
  /** Everything that is enabled. */
  readonly enabled: ReadonlySet<string>;
  readonly queues: Readonly<Record<string, QueuePlan>>;
  readonly graceMs: number;
  /** So many calls are made, within so long. */
  readonly calls: number;
  readonly busyMs: number;
  /** How often a fault happens where it may. */
  readonly storageRate: number;
  readonly threadRate: number;
  readonly longestDelayMs: number;
}

const ALL: readonly string[] = [...STORAGE_FAULTS, ...THREAD_FAULTS, ...ENDINGS, ...FEATURES];

export function makePlan(seed: number, without: ReadonlySet<string>): Plan {
  const dice = new Dice(seed, 0);
  const share = dice.pick([0.1, 0.3, 0.5, 0.8]);
  const enabled = new Set(ALL.filter(() => dice.chance(share)));
  const queue = (least: number): QueuePlan => ({
    threads: dice.int(least, 3),
    concurrency: dice.chance(0.5) ? 1 : dice.int(2, 4),
    timeoutMs: dice.chance(0.2) ? dice.int(50, 5_000) : null,
    maxJobs: enabled.has("recycling") ? dice.pick([1, 3, 20]) : null,
  });
  const plan = {
    seed,
    queues: dice.chance(0.5) ? { default: queue(1) } : { default: queue(1), other: queue(0) },
    graceMs: dice.pick([0, 10, 1_000]),
    calls: dice.int(5, 60),
    busyMs: dice.pick([100, 2_000, 20_000, 120_000]),
    storageRate: dice.pick([0.01, 0.05, 0.2]),
    threadRate: dice.pick([0.01, 0.05, 0.2]),
    longestDelayMs: dice.pick([1, 30, 3_000]),
  };
  // Of their own, so that what was drawn before stays the same.
  const fileDice = new Dice(seed, 4);
  for (const fault of FILE_FAULTS) if (fileDice.chance(0.4)) enabled.add(fault);
  for (const feature of without) enabled.delete(feature);
  return { ...plan, enabled };
}
