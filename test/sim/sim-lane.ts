/** The real lane, with what passes through it written into the ledger, and looked at. */

import { FrameLane, type LaneCarrier } from "../../src/dispatch/lane.js";
import type { Death, JobAnswer, Lane, PoolListener, StrayError } from "../../src/dispatch/pool.js";
import type { ClaimedJob, JobId } from "../../src/job/job-record.js";
import type { ControlBlock, StopReason } from "../../src/protocol/control-block.js";
import { unpackFrame } from "../../src/protocol/frame.js";
import type { ToThread } from "../../src/protocol/messages.js";
import { listenerWith } from "../pool-listener.js";
import type { Run } from "./runs.js";
import { isOf, mayPay, type Truth, verdictOf } from "./verdicts.js";
import type { World } from "./world.js";

/** From the end of the grace of a run to when the engine has heard its end, whatever it does. */
const END_LIMIT_MS = 1_000;

export interface SimLaneDeps {
  readonly thread: number;
  readonly names: readonly string[];
  readonly control: ControlBlock;
  readonly carrier: LaneCarrier;
  readonly listener: PoolListener;
  readonly world: World;
  readonly timeoutMs: number | null;
  /** After so many it is to be replaced. */
  readonly maxJobs: number | null;
}

export class SimLane extends FrameLane {
  readonly #world: World;
  readonly #timeoutMs: number | null;
  readonly #maxJobs: number | null;
  readonly #notes: LaneNotes;
  #isKilled = false;
  #isReplaced = false;
  #isGone = false;
  #isClosed = false;

  constructor(deps: SimLaneDeps) {
    const notes = new LaneNotes(deps.world);
    super({ ...deps, listener: notes.observed(deps.listener), carrier: { ...deps.carrier, post: notes.noting(deps.carrier) } });
    this.#world = deps.world;
    this.#timeoutMs = deps.timeoutMs;
    this.#maxJobs = deps.maxJobs;
    this.#notes = notes;
  }

  /** Its process is no more. */
  close(): void {
    this.#isClosed = true;
  }

  runOf(id: JobId): Run | undefined {
    return this.#notes.runs.get(id);
  }

  /** The job that was last sent in this slot. */
  idOf(slot: number): JobId | undefined {
    return this.#notes.slots.get(slot);
  }

  override send(jobs: readonly ClaimedJob[]): void {
    const { ledger } = this.#world;
    const before = this.#notes.unheard();
    const aliases = jobs.map(({ id }) => ledger.alias(id)).join(", ");
    if (this.#isGone) ledger.violate(2, `${aliases} sent to a lane that is gone`);
    if (this.#isReplaced) ledger.violate(2, `${aliases} sent to a lane that another was started for`);
    if (this.#isKilled) ledger.violate(2, `${aliases} sent to a lane that is being killed`);
    if (this.#notes.isRetired) ledger.violate(12, `${aliases} sent to a lane that is to be replaced: ${this.#notes.trouble ?? ""}`);
    if (this.#notes.served + before.length + jobs.length > (this.#maxJobs ?? Infinity)) ledger.violate(12, `${aliases} sent to a lane that has run enough`);
    for (const job of jobs) {
      const last = this.#notes.runs.get(job.id);
      if (last?.fate === null || this.#notes.ghosts.has(job.id)) ledger.violate(4, `${ledger.alias(job.id)} was sent to a lane that it is on already`);
      this.#notes.runs.set(job.id, ledger.sent(job, this.#timeoutMs));
    }
    const after = this.#notes.unheard();
    const suspect = after.find(({ isSuspect }) => isSuspect);
    if (suspect !== undefined && after.length + this.#notes.ghosts.size > 1) ledger.violate(8, `${ledger.alias(suspect.job.id)} is suspected and not alone on its lane: ${aliases} sent`);
    if (jobs.length > 1) this.#world.note("frames of several jobs");
    super.send(jobs);
  }

  override takeBack(ids: readonly JobId[]): readonly JobId[] {
    const taken = super.takeBack(ids);
    for (const id of taken) this.#notes.hear(id, { kind: "taken back" });
    if (taken.length > 0) this.#world.note("jobs taken back", taken.length);
    return taken;
  }

  override askToStop(id: JobId, reason: StopReason): void {
    const { time, plan } = this.#world;
    const run = this.#notes.runs.get(id);
    if (run?.fate === null) {
      if (reason === "cancel") run.wasCancelled = true;
      if (run.asked === null) {
        run.asked = { reason, at: time.monotonic };
        time.after(plan.graceMs + END_LIMIT_MS, () => this.#checkEnd(run));
      }
      run.heardStop = false;
      run.stopsUnheard += 1;
    }
    super.askToStop(id, reason);
  }

  override retire(): void {
    if (this.#isReplaced) this.#world.ledger.violate(2, "a lane is retired twice");
    this.#isReplaced = true;
    super.retire();
  }

  override kill(): void {
    const { time, plan } = this.#world;
    for (const run of this.#notes.unheard()) {
      if (run.asked !== null && time.monotonic >= run.asked.at + plan.graceMs - 1e-6) run.condemned = run.asked.reason;
    }
    this.#isKilled = true;
    super.kill();
  }

  /** The thread has come to the next message that asks something to stop. */
  noteStopHeard(): void {
    const run = this.#notes.stopsOnTheirWay.shift() ?? null;
    if (run === null) return;
    run.stopsUnheard -= 1;
    run.heardStop = run.stopsUnheard === 0;
  }

  /** Its end was noticed. */
  tellGone(death: Death, truth: Truth): void {
    const { ledger, trace } = this.#world;
    if (this.#isGone) ledger.violate(2, "a lane is gone twice");
    this.#isGone = true;
    const runs = this.#notes.unheard();
    const scene = { death, truth, runs };
    const culprit = typeof death.culprit === "string" ? death.culprit : death.culprit === null ? "unknown" : ledger.alias(death.culprit.id);
    trace.write(`lane gone: ${death.cause}${death.wasDeaf ? ", deaf" : ""}, culprit ${culprit}, ${runs.length} on it, ${death.started.length} started`);
    this.#noteDeath(death, runs);
    // Not before all of them are looked at.
    const fates = runs.map((run) => ({ run, verdict: verdictOf(run, scene), mayPay: mayPay(run, scene) }));
    for (const { run, ...fate } of fates) this.#notes.hear(run.job.id, { kind: "gone", ...fate });
  }

  /** Its engine listens no more. */
  tellStopped(): void {
    this.#isClosed = true;
    for (const { job } of this.#notes.unheard()) this.#notes.hear(job.id, { kind: "stopped" });
  }

  #checkEnd(run: Run): void {
    if (run.fate !== null || this.#isClosed) return;
    const { ledger, plan } = this.#world;
    ledger.violate(17, `${ledger.alias(run.job.id)} was asked to stop, and has not ended ${END_LIMIT_MS} ms after a grace of ${plan.graceMs}`);
  }

  #noteDeath({ cause, culprit, wasDeaf, started }: Death, runs: readonly Run[]): void {
    const whose = culprit === null ? "nobody knows whose" : culprit === "nobody" ? "code of no job" : runs.some((run) => isOf(culprit, run)) ? "code of a run" : "code of an ended run";
    this.#world.note(`death: ${cause}${cause === "killed" ? (wasDeaf ? " deaf" : " listening") : ""}${cause === "ended" ? "" : `, ${whose}`}`);
    if (culprit === null && started.length > 1 && cause !== "ended") this.#world.note("deaths with several suspects");
  }
}

/** What is known of a lane, from what passes through it. */
class LaneNotes {
  /** The last run of each job that was sent here. */
  readonly runs = new Map<JobId, Run>();
  readonly slots = new Map<number, JobId>();
  /** Runs that failed already, but have not ended. */
  readonly ghosts = new Set<JobId>();
  /** For each message that asks to stop, and has not arrived, whom it asks; `null` for a knock. */
  readonly stopsOnTheirWay: (Run | null)[] = [];
  served = 0;
  /** It is to take no jobs any more. */
  isRetired = false;
  /** Why it is to be replaced, once it has run something. */
  trouble: string | null = null;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** What was sent and is still to be heard of. */
  unheard(): Run[] {
    const unheard: Run[] = [];
    for (const run of this.runs.values()) if (run.fate === null) unheard.push(run);
    return unheard;
  }

  hear(id: JobId, fate: NonNullable<Run["fate"]>): void {
    const run = this.runs.get(id);
    if (run !== undefined) this.#world.ledger.heard(run, fate);
  }

  noting(carrier: LaneCarrier): LaneCarrier["post"] {
    return (message: ToThread, transfer) => {
      if (message.kind === "frame") for (const { slot, id } of unpackFrame(message.frame)) this.slots.set(slot, id);
      if (message.kind === "stop-asked") this.stopsOnTheirWay.push(this.runs.get(this.slots.get(message.slot) ?? "") ?? null);
      if (message.kind === "knock") this.stopsOnTheirWay.push(null);
      carrier.post(message, transfer);
    };
  }

  observed(listener: PoolListener): PoolListener {
    return listenerWith(listener, {
      answered: (lane: Lane, answer: JobAnswer) => {
        this.ghosts.delete(answer.id);
        this.#end(answer.id, { kind: "answered", outcome: answer.outcome, tookMs: answer.tookMs });
        listener.answered(lane, answer);
      },
      strayed: (lane: Lane, stray: StrayError) => {
        this.#noteTrouble(lane, "an error that nobody caught");
        const run = stray.run === null ? undefined : this.runs.get(stray.run.id);
        if (stray.run !== null && run?.fate === null && isOf(stray.run, run)) {
          this.ghosts.add(run.job.id);
          this.#end(run.job.id, { kind: "strayed" });
        }
        listener.strayed(lane, stray);
      },
      heapHigh: (lane: Lane) => {
        this.#noteTrouble(lane, "a full heap");
        listener.heapHigh(lane);
      },
    });
  }

  #end(id: JobId, fate: NonNullable<Run["fate"]>): void {
    const run = this.runs.get(id);
    if (run?.fate !== null) return;
    this.served += 1;
    if (this.trouble !== null) this.isRetired = true;
    this.#world.ledger.heard(run, fate);
  }

  #noteTrouble(lane: Lane, what: string): void {
    this.trouble ??= what;
    if (this.served > 0 || this.unheard().some(({ job }) => lane.startedAt(job.id) !== null)) this.isRetired = true;
  }
}
