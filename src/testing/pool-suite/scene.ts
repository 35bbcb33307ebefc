import assert from "node:assert/strict";
import { type Clock, systemClock } from "../../clock.js";
import type { JobAnswer, Lane, Pool } from "../../dispatch/pool.js";
import type { ClaimedJob } from "../../job/job-record.js";
import { decode, encode } from "../../job/payload.js";
import { nextTurn } from "../../waiting.js";
import { newJob, NOW } from "../storage-suite/sample-jobs.js";
import { Doors } from "./doors.js";
import { Ledger } from "./ledger.js";
import type { PoolPlan, PoolSupports } from "./section.js";
import { inTime } from "./watch.js";

const clock = systemClock();
const JOBS_URL = new URL("jobs.js", import.meta.url).href;

/** What a test decides about a pool. The rest is plain. */
export type ScenePlan = Partial<Pick<PoolPlan, "queue" | "threads" | "concurrency" | "disposeTimeoutMs" | "clock">>;

/** A pool, with all that is around it. */
export class Subject {
  readonly doors: Doors = new Doors();
  readonly ledger: Ledger = new Ledger();
  readonly clock: Clock;
  readonly pool: Pool;

  constructor(make: (plan: PoolPlan) => Pool, plan: ScenePlan) {
    this.clock = plan.clock ?? systemClock();
    this.pool = make({
      ...{ jobsUrl: JOBS_URL, queue: "suite", threads: 1, concurrency: 1, maxPayload: 2 ** 20, maxResult: 2 ** 20, movesResults: true },
      ...{ bootTimeoutMs: 30_000, disposeTimeoutMs: 10_000, host: this.doors.host, clock: this.clock },
      ...plan,
    });
  }

  /** Resolves when the pool has started. */
  async start(): Promise<void> {
    await inTime("start", this.pool.start(this.ledger));
  }

  /** From here on nothing may be told. */
  async stop(): Promise<void> {
    await inTime("stop", this.pool.stop());
    this.ledger.close();
  }

  /** Sends one frame. */
  send(lane: Lane, ...jobs: readonly ClaimedJob[]): void {
    this.ledger.send(lane, jobs);
  }

  /** Sends jobs, and resolves to their answers, in the same order. */
  async run(lane: Lane, ...jobs: readonly ClaimedJob[]): Promise<readonly JobAnswer[]> {
    this.send(lane, ...jobs);
    return Promise.all(jobs.map(({ id }) => this.ledger.answer(id)));
  }

  /** Sends jobs whose doors are shut, and resolves when they stand there. The lane must start them all. */
  async hold(lane: Lane, ...jobs: readonly ClaimedJob[]): Promise<void> {
    const doors = idsOf(jobs);
    this.doors.shut(...doors);
    this.send(lane, ...jobs);
    await this.doors.reached(...doors);
  }

  /**
   * Runs jobs until the lane has this much room. A slot may come back later than the answer of its job, by a message of its own, and
   * an answer may be read with any of these: so there may be as many answers as slots.
   */
  async makeRoom(lane: Lane, room: number): Promise<void> {
    for (let round = 0; round < room + 100 && lane.room < room; round += 1) await this.run(lane, job("echo"));
    assert.equal(lane.room, room);
  }
}

/** What a test makes its pools with. */
export class Scene {
  readonly supports: PoolSupports;
  readonly #make: (plan: PoolPlan) => Pool;
  readonly #subjects: Subject[] = [];

  constructor(make: (plan: PoolPlan) => Pool, supports: PoolSupports) {
    this.#make = make;
    this.supports = supports;
  }

  /** A pool that has not started. */
  pool(plan: ScenePlan = {}): Subject {
    const subject = new Subject(this.#make, plan);
    this.#subjects.push(subject);
    return subject;
  }

  /** A pool with all its lanes ready. */
  async started(plan: ScenePlan = {}): Promise<Subject & { readonly lane: Lane; readonly lanes: readonly Lane[] }> {
    const subject = this.pool(plan);
    await subject.start();
    const numbers = Array.from({ length: subject.pool.threads }, (_, thread) => thread);
    const lanes = await Promise.all(numbers.map((thread) => subject.ledger.lane(thread)));
    const [lane] = lanes;
    assert.ok(lane !== undefined, "a pool has threads");
    return Object.assign(subject, { lane, lanes });
  }

  /** Ends all pools, and insists that none of them has broken the contract. */
  async end(): Promise<void> {
    for (const subject of this.#subjects) {
      await subject.stop();
      subject.doors.openAll();
    }
    await settled();
    for (const { ledger } of this.#subjects) assert.deepEqual(ledger.problems, []);
  }
}

/** Lets everything be told that is on its way already. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await nextTurn(clock);
}

/** A job that was claimed for the first time. */
export function job(name: string, payload: unknown = null, overrides: Partial<ClaimedJob> = {}): ClaimedJob {
  const { bytes, attachments } = encode(payload, { root: "payload", maxBytes: 2 ** 20 });
  return {
    ...newJob({ name, queue: "suite", payload: bytes, attachments }),
    ...{ state: "running", attempt: 1, fence: 1, runner: "runner", startedAt: NOW, finishedAt: null },
    ...{ failure: null, result: null, resultMoved: false, cancelRequested: false, progress: null },
    ...overrides,
  };
}

export function jobs(count: number, name = "echo"): readonly ClaimedJob[] {
  return Array.from({ length: count }, (_, index) => job(name, index));
}

export function idsOf(list: readonly { readonly id: string }[]): readonly string[] {
  return list.map(({ id }) => id);
}

/** The result of a job that must have ended well. */
export function resultOf({ outcome }: JobAnswer): unknown {
  assert.equal(outcome.kind, "ok", JSON.stringify(outcome));
  return decode(outcome.result, "result");
}
