/** What kinds of jobs there are, how each must end, and how many of each a queue gets. */

import type { EngineOptions, EnqueueOptions } from "millrace";
import { linear } from "millrace/jobs";
import type { Dice } from "../sim/dice.js";

export interface Ending {
  readonly state: "completed" | "dead" | "cancelled";
  /** Runs that it pays for. */
  readonly attempts: number;
  /** Of the error that its result rejects with. */
  readonly code?: string;
}

export interface Planned {
  readonly kind: Kind;
  readonly payload: { readonly ms?: number; readonly failures?: number };
  readonly options: EnqueueOptions;
  readonly expected: Ending;
  /** Whether code that it leaves behind may fail. */
  readonly isLate: boolean;
}

/** They end well whatever happens beside them. `child` is enqueued by `parent` jobs only. */
type GoodKind = "compute" | "turns" | "parent" | "child" | "lateLog";
const LATE = ["lateThrow", "lateRejection", "lateExit"] as const;
const CANCELLED = ["cancelled", "obedient"] as const;
/** What a kind that always fails dies of. */
const FATAL = {
  throw: "MILLRACE_JOB_FAILED",
  reject: "MILLRACE_JOB_FAILED",
  exit: "MILLRACE_THREAD_EXITED",
  loop: "MILLRACE_JOB_TIMEOUT",
  hang: "MILLRACE_JOB_TIMEOUT",
  flood: "MILLRACE_JOB_TIMEOUT",
  heap: "MILLRACE_JOB_OUT_OF_MEMORY",
} as const;
const TIMEOUT_MS = 50;
/** Good jobs and those that only throw are not in any way slowed down by their deadline. */
const AMPLE_MS = 30_000;

export type Kind = GoodKind | (typeof LATE)[number] | (typeof CANCELLED)[number] | keyof typeof FATAL | "flaky";

export interface Queue {
  readonly threads: number;
  readonly concurrency: number;
  readonly maxJobsPerThread?: number;
  readonly resourceLimits?: NonNullable<EngineOptions["resourceLimits"]>;
  /** How often each kind is chosen, relative to the others. */
  readonly weights: Partial<Record<Kind, number>>;
}

const MOSTLY_GOOD = { compute: 40, turns: 15, parent: 8, flaky: 8, throw: 4, reject: 4 } as const;
/** But `heap`, which needs a limit. */
const OF_ALL_KINDS = { ...MOSTLY_GOOD, exit: 2, loop: 2, hang: 1, flood: 1, cancelled: 1, obedient: 2, lateThrow: 2, lateRejection: 2, lateExit: 1, lateLog: 4 } as const;

/** Jobs of all kinds alone on their thread, with others beside them, under a heap limit, and on threads that are replaced anyway. */
export const QUEUES: Readonly<Record<string, Queue>> = {
  alone: {
    ...{ threads: 1, concurrency: 1 },
    weights: OF_ALL_KINDS,
  },
  together: {
    ...{ threads: 2, concurrency: 4 },
    weights: OF_ALL_KINDS,
  },
  greedy: {
    ...{ threads: 1, concurrency: 2, resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 } },
    weights: { ...MOSTLY_GOOD, heap: 3 },
  },
  renewed: {
    ...{ threads: 1, concurrency: 2, maxJobsPerThread: 25 },
    weights: { ...MOSTLY_GOOD, obedient: 2, exit: 1 },
  },
};

export function planJob(dice: Dice, { weights }: Queue): Planned {
  const kind = chooseKind(dice, weights);
  const maxRetries = dice.int(0, 2);
  const backoff = linear(dice.int(0, 50));
  const isLate = isOneOf(LATE, kind);
  const plan = (payload: Planned["payload"], timeout: number, expected: Ending): Planned => {
    return { kind, payload, isLate, expected, options: { maxRetries, backoff, timeout } };
  };
  if (kind === "flaky") {
    const failures = dice.int(0, maxRetries);
    return plan({ failures }, AMPLE_MS, { state: "completed", attempts: failures + 1 });
  }
  if (isOneOf(CANCELLED, kind)) return plan({}, AMPLE_MS, { state: "cancelled", attempts: 1, code: "MILLRACE_JOB_CANCELLED" });
  if (!isFatal(kind)) return plan({ ms: dice.between(0, 20) }, AMPLE_MS, { state: "completed", attempts: 1 });
  const code = FATAL[kind];
  const timeout = code === "MILLRACE_JOB_TIMEOUT" ? TIMEOUT_MS : AMPLE_MS;
  return plan({ ms: dice.between(0, 10) }, timeout, { state: "dead", attempts: maxRetries + 1, code });
}

function chooseKind(dice: Dice, weights: Queue["weights"]): Kind {
  const entries = Object.entries(weights) as [Kind, number][];
  let left = dice.between(0, entries.reduce((sum, [, weight]) => sum + weight, 0));
  return entries.find(([, weight]) => (left -= weight) < 0)?.[0] ?? "compute";
}

function isFatal(kind: Kind): kind is keyof typeof FATAL {
  return Object.hasOwn(FATAL, kind);
}

function isOneOf(kinds: readonly Kind[], kind: Kind): boolean {
  return kinds.includes(kind);
}
