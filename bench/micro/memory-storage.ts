import { memoryStorage } from "../../dist/src/storage/memory/memory-storage.js";
import type { Storage } from "../../dist/src/storage/storage.js";
import type { ClaimedJob, NewJob } from "../../dist/src/job/job-record.js";
import { nextTransition, type Outcome, type Transition } from "../../dist/src/job/lifecycle.js";
import { type MicroCase, runMicro } from "../lib/micro.js";
import type { Options, Section } from "../lib/report.js";
import { newJob, NOW } from "../lib/sample-jobs.js";

const BATCHES = [1, 100, 1_000];
const OK: Outcome = { kind: "ok", result: { bytes: new Uint8Array(8), attachments: [] } };
const CIRCUMSTANCES = { now: NOW, random: 0.5, cancelRequested: false, progress: null };
const KEPT = { ageMs: Infinity, count: 1_000 };
const RETENTION = { completed: KEPT, dead: KEPT, bytes: Infinity };

/** One storage, with as many finished jobs as it keeps by default, on which batches go their whole way. */
class Batches {
  readonly #storage: Storage = memoryStorage();
  readonly #size: number;
  #jobs: readonly NewJob[] = [];
  #claimed: readonly ClaimedJob[] = [];
  #transitions: readonly Transition[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  async fill(): Promise<void> {
    await this.#storage.open();
    for (let done = 0; done < KEPT.count; done += this.#size) {
      await this.beforeComplete();
      await this.complete();
    }
  }

  beforeEnqueue(): void {
    this.#jobs = Array.from({ length: this.#size }, newJob);
  }

  enqueue(): Promise<unknown> {
    return this.#storage.enqueue(this.#jobs, NOW);
  }

  async beforeClaim(): Promise<void> {
    this.beforeEnqueue();
    await this.enqueue();
  }

  async claim(): Promise<void> {
    this.#claimed = await this.#storage.claim({ queue: "default", names: ["job"], limit: this.#size, runner: "runner", now: NOW });
  }

  async beforeComplete(): Promise<void> {
    await this.beforeClaim();
    await this.claim();
    this.#transitions = this.#claimed.map((job) => nextTransition(job, OK, CIRCUMSTANCES));
  }

  complete(): Promise<unknown> {
    return this.#storage.complete(this.#transitions);
  }

  async beforePrune(): Promise<void> {
    await this.beforeComplete();
    await this.complete();
  }

  prune(): ReturnType<Storage["prune"]> {
    return this.#storage.prune({ retention: RETENTION, limit: this.#size, now: NOW });
  }

  /** Takes away what the last call left behind, so that none of the verbs meets more jobs than another. */
  async tidy(): Promise<void> {
    await this.claim();
    await this.#storage.complete(this.#claimed.map((job) => nextTransition(job, OK, CIRCUMSTANCES)));
    await this.#storage.complete(this.#transitions);
    this.#transitions = [];
    let pruned: number;
    do ({ pruned } = await this.prune());
    while (pruned === this.#size);
  }
}

export async function memoryStorageBench(options: Options): Promise<Section> {
  const cases: MicroCase[] = [];
  for (const size of BATCHES) {
    const batches = new Batches(size);
    await batches.fill();
    const add = (verb: string, run: () => Promise<unknown>, before: () => unknown): void => {
      cases.push({
        name: `${verb}, ${size} at a time`,
        ops: size,
        run,
        before: async () => {
          await batches.tidy();
          await before();
        },
      });
    };
    add("enqueue", () => batches.enqueue(), () => batches.beforeEnqueue());
    add("claim", () => batches.claim(), () => batches.beforeClaim());
    add("complete", () => batches.complete(), () => batches.beforeComplete());
    add("prune", () => batches.prune(), () => batches.beforePrune());
  }
  return runMicro("Memory storage, per job", cases, options);
}
