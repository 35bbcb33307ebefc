/** The real lane, with what passes through it written into the ledger. */

import { FrameLane, type LaneCarrier } from "../../src/dispatch/lane.js";
import type { JobAnswer, Lane, PoolListener } from "../../src/dispatch/pool.js";
import type { ClaimedJob, JobId } from "../../src/job/job-record.js";
import type { ControlBlock, StopReason } from "../../src/protocol/control-block.js";
import type { ToThread } from "../../src/protocol/messages.js";
import { listenerWith } from "../pool-listener.js";
import type { Run } from "./runs.js";
import type { World } from "./world.js";

export class SimLane extends FrameLane {
  readonly #world: World;
  readonly #timeoutMs: number | null;
  /** The last run of each job that was sent here. */
  readonly #runs: Map<JobId, Run>;
  readonly #slots: Map<number, JobId>;
  /** Jobs that are here and were told that their deadline is over. */
  readonly #timedOut = new Set<JobId>();
  #isGone = false;

  constructor(deps: {
    readonly thread: number;
    readonly names: readonly string[];
    readonly control: ControlBlock;
    readonly carrier: LaneCarrier;
    readonly listener: PoolListener;
    readonly world: World;
    readonly timeoutMs: number | null;
  }) {
    const { world, carrier, listener } = deps;
    const runs = new Map<JobId, Run>();
    const slots = new Map<number, JobId>();
    super({ ...deps, listener: observed(listener, { world, runs }), carrier: { ...carrier, post: noting(carrier, slots) } });
    this.#world = world;
    this.#timeoutMs = deps.timeoutMs;
    this.#runs = runs;
    this.#slots = slots;
  }

  /** Nothing that was sent is unheard of. */
  get isIdle(): boolean {
    return this.#unheard().length === 0;
  }

  runOf(id: JobId): Run | undefined {
    return this.#runs.get(id);
  }

  /** The job that was last sent in this slot. */
  idOf(slot: number): JobId | undefined {
    return this.#slots.get(slot);
  }

  override send(jobs: readonly ClaimedJob[]): void {
    const { ledger } = this.#world;
    for (const job of jobs) {
      const last = this.#runs.get(job.id);
      if (last?.fate === null) ledger.violate(4, `${ledger.alias(job.id)} was sent to a lane that it is on already`);
      if (this.#isGone) ledger.violate(2, `${ledger.alias(job.id)} was sent to a lane that is gone`);
      this.#runs.set(job.id, ledger.sent(job, this.#timeoutMs));
      this.#timedOut.delete(job.id);
    }
    if (jobs.length > 1) this.#world.note("frames of several jobs");
    super.send(jobs);
  }

  override takeBack(ids: readonly JobId[]): readonly JobId[] {
    const taken = super.takeBack(ids);
    for (const id of taken) this.#hear(id, { kind: "taken back" });
    if (taken.length > 0) this.#world.note("jobs taken back", taken.length);
    return taken;
  }

  override askToStop(id: JobId, reason: StopReason): void {
    if (reason === "timeout") this.#timedOut.add(id);
    super.askToStop(id, reason);
  }

  /** Its end was noticed. */
  tellGone({ started }: { readonly started: readonly JobId[] }): void {
    this.#isGone = true;
    const laneTimedOut = this.#unheard().some(({ job }) => this.#timedOut.has(job.id));
    for (const { job } of this.#unheard()) this.#hear(job.id, { kind: "gone", running: started.includes(job.id), alone: started.length === 1, laneTimedOut });
  }

  /** Its engine listens no more. */
  tellStopped(): void {
    for (const { job } of this.#unheard()) this.#hear(job.id, { kind: "stopped" });
  }

  #unheard(): Run[] {
    return [...this.#runs.values()].filter(({ fate }) => fate === null);
  }

  #hear(id: JobId, fate: NonNullable<Run["fate"]>): void {
    const run = this.#runs.get(id);
    if (run !== undefined) this.#world.ledger.heard(run, fate);
  }
}

function observed(listener: PoolListener, { world, runs }: { readonly world: World; readonly runs: ReadonlyMap<JobId, Run> }): PoolListener {
  return listenerWith(listener, {
    answered: (lane: Lane, answer: JobAnswer) => {
      const run = runs.get(answer.id);
      if (run !== undefined) world.ledger.heard(run, { kind: "answered", outcome: answer.outcome, tookMs: answer.tookMs });
      listener.answered(lane, answer);
    },
  });
}

function noting(carrier: LaneCarrier, slots: Map<number, JobId>): LaneCarrier["post"] {
  return (message: ToThread, transfer) => {
    if (message.kind === "frame") for (const { slot, id } of message.jobs) slots.set(slot, id);
    carrier.post(message, transfer);
  };
}
