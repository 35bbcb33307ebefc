/** Engines that are broken on purpose: what a check says of them shows that it can fail. */

import type { EngineOptions } from "millrace";
import { systemClock } from "../../dist/src/clock.js";
import type { Death, JobAnswer, Lane, Pool, PoolListener, StrayError } from "../../dist/src/dispatch/pool.js";
import { ThreadPool } from "../../dist/src/dispatch/thread-pool.js";
import { Engine } from "../../dist/src/engine.js";
import type { JobId } from "../../dist/src/job/job-record.js";
import { encode } from "../../dist/src/job/payload.js";
import type { RunIdentity } from "../../dist/src/protocol/messages.js";
import { listenerWith } from "../pool-listener.js";

/** What stands between a pool and who listens to it. */
export type Sabotage = (listener: PoolListener, lanes: ReadonlyMap<Lane, ReadonlySet<JobId>>) => Partial<PoolListener>;

const CLOCK = systemClock();
const NOWHERE = { queue: "default", meta: {}, attempt: 1 };

export type SabotageName =
  | "failures succeed"
  | "neighbours pay"
  | "nobody pays"
  | "culprits are forgotten"
  | "late errors hit who runs"
  | "late errors vanish"
  | "leaks are hidden"
  | "boot failures are charged";

export const SABOTAGES: Readonly<Record<SabotageName, Sabotage>> = {
  /** A failure is taken for a success, as Piscina does with a rejection by `null`. */
  "failures succeed": (listener) => ({
    answered: (lane, answer) => listener.answered(lane, succeeded(answer)),
  }),
  /** Who pays for the end of a thread is whoever else ran on it. */
  "neighbours pay": (listener, lanes) => ({
    gone: (lane, death) => listener.gone(lane, framed(death, [...(lanes.get(lane) ?? [])])),
  }),
  /** Nobody pays: as if what ran had not begun. */
  "nobody pays": (listener) => ({
    gone: (lane, death) => listener.gone(lane, { ...death, started: [], unstarted: [...death.started, ...death.unstarted] }),
  }),
  /** Nobody knows whose code it was. */
  "culprits are forgotten": (listener) => ({
    gone: (lane, death) => listener.gone(lane, { ...death, culprit: null, stuckAt: null }),
  }),
  /** A late error is taken for one of whoever runs now. */
  "late errors hit who runs": (listener, lanes) => ({
    strayed: (lane, stray) => listener.strayed(lane, misread(stray, [...(lanes.get(lane) ?? [])])),
  }),
  /** Late errors vanish. */
  "late errors vanish": () => ({ strayed: () => undefined }),
  /** A thread that could not be ended is not told of. */
  "leaks are hidden": () => ({ leaked: () => undefined }),
  /** A thread that cannot start takes jobs all the same, and fails them. */
  "boot failures are charged": (listener) => {
    let last: Lane | undefined;
    return {
      ready: (lane) => {
        last = lane;
        listener.ready(lane);
      },
      bootFailed: (error) => {
        listener.bootFailed(error);
        if (last !== undefined) listener.ready(failingLane(last, listener));
      },
    };
  },
};

/** An engine on real threads, between whose pools and dispatchers somebody interferes. */
export function sabotagedEngine(options: EngineOptions, sabotage: Sabotage): Engine {
  const { jobs = "", bootTimeout = 30_000, execArgv = null, env = null } = options;
  if (typeof bootTimeout !== "number") throw new TypeError("bootTimeout must be in ms");
  return new Engine(options, {
    createPool: (queue, { threads, concurrency, resourceLimits, maxHeapPerThread }, around) =>
      new SabotagedPool(
        new ThreadPool({
          ...{ queue, threads, concurrency, resourceLimits, maxHeapPerThread, execArgv, env, ...around },
          ...{ jobsUrl: String(jobs), bootTimeoutMs: bootTimeout, clock: CLOCK },
        }),
        sabotage,
      ),
  });
}

class SabotagedPool implements Pool {
  readonly #inner: Pool;
  readonly #sabotage: Sabotage;

  constructor(inner: Pool, sabotage: Sabotage) {
    this.#inner = inner;
    this.#sabotage = sabotage;
  }

  get threads(): number {
    return this.#inner.threads;
  }

  get concurrency(): number {
    return this.#inner.concurrency;
  }

  get leaked(): number {
    return this.#inner.leaked;
  }

  start(listener: PoolListener): Promise<void> {
    const lanes = new Map<Lane, Set<JobId>>();
    const watched = listenerWith(listener, {
      ready: (lane) => {
        const jobs = new Set<JobId>();
        lanes.set(lane, jobs);
        const send = lane.send.bind(lane);
        lane.send = (sent) => {
          for (const { id } of sent) jobs.add(id);
          send(sent);
        };
        listener.ready(lane);
      },
      answered: (lane, answer) => {
        lanes.get(lane)?.delete(answer.id);
        listener.answered(lane, answer);
      },
    });
    return this.#inner.start({ ...watched, ...this.#sabotage(watched, lanes) });
  }

  stop(): Promise<void> {
    return this.#inner.stop();
  }

  unref(): void {
    this.#inner.unref();
  }
}

function succeeded(answer: JobAnswer): JobAnswer {
  if (answer.outcome.kind !== "failed") return answer;
  return { ...answer, outcome: { kind: "ok", result: encode(null, { root: "result", maxBytes: 100 }) } };
}

/** Whoever was sent last is most likely at fault, so it is taken for the one that was sent first. */
function framed(death: Death, jobs: readonly JobId[]): Death {
  const scapegoat = death.started.toSorted((a, b) => jobs.indexOf(a) - jobs.indexOf(b))[0];
  return scapegoat === undefined ? death : { ...death, cause: "exited", culprit: { ...NOWHERE, id: scapegoat, name: "wait" } };
}

function misread(stray: StrayError, jobs: readonly JobId[]): StrayError {
  const [id] = jobs;
  const run: RunIdentity | null = id === undefined ? stray.run : { ...NOWHERE, id, name: "wait" };
  return { ...stray, run };
}

function failingLane(last: Lane, listener: PoolListener): Lane {
  const lane: Lane = {
    ...{ thread: last.thread, names: last.names, room: 1 },
    send: (jobs) => {
      const error = { name: "Error", message: "the thread could not be started", stack: null, code: null };
      for (const { id } of jobs) {
        const failure = { reason: "threw", error, exitCode: null } as const;
        setImmediate(() => listener.answered(lane, { id, outcome: { kind: "failed", failure, fatal: true, retryDelayMs: null }, tookMs: 1, progress: null }));
      }
    },
    ...{ collect: () => undefined, takeBack: () => [], askToStop: () => undefined, heardStop: () => false, startedAt: () => null, progress: () => null, retire: () => undefined, end: () => undefined, kill: () => undefined },
  };
  return lane;
}
