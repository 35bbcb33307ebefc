/**
 * The truth about all jobs, kept outside the engine: what was acknowledged, claimed, run and accepted. It believes the storage
 * (which has a model of its own to be tested with) and the threads, and nothing the engine says.
 */

import { type ClaimedJob, type FinishedState, isFinished, type JobId, type JobRow, type JobState, type NewJob } from "../../src/job/job-record.js";
import type { Transition } from "../../src/job/lifecycle.js";
import type { CancelResult, ChangeRequest, ChangeResult, ClaimRequest } from "../../src/storage/storage.js";
import type { Deaths } from "./deaths.js";
import { broken, type Fate, judge, type Run, runKey, type Violation } from "./runs.js";
import type { SimTime } from "./sim-clock.js";
import type { Trace } from "./trace.js";

export interface JobFacts {
  /** For the trace. */
  readonly alias: string;
  readonly job: NewJob;
  state: JobState | "removed";
  fence: number;
  /** Charged runs, and the current one. */
  attempt: number;
  claim: ClaimedJob | null;
  wasAskedToStop: boolean;
  /** Whoever enqueued it was told so. */
  isAcked: boolean;
  /** Every way in which it has ended so far; a `retry` lets it end once more. */
  readonly endings: FinishedState[];
  /** What engines have told of that. */
  readonly told: FinishedState[];
}

export class Ledger {
  readonly violations: Violation[] = [];
  readonly jobs: Map<JobId, JobFacts> = new Map();
  /** Whether the engine of this runner is not about to stop. */
  isRunning: (runner: string) => boolean = () => true;
  /** Where the storage counts deaths of processes. */
  deaths: Deaths | null = null;
  readonly #runs = new Map<string, Run>();
  /** Which jobs a runner suspects, and has not run alone yet, and since which claim. */
  readonly #suspects = new Map<string, ClaimedJob>();
  /** Of them: those that are not to run any more. */
  readonly #unwanted = new Set<string>();
  /** Runs that only a cancel ends. */
  readonly #endless = new Set<Run>();
  readonly #time: SimTime;
  readonly #trace: Trace;

  constructor(time: SimTime, trace: Trace) {
    this.#time = time;
    this.#trace = trace;
  }

  violate(invariant: number, text: string): void {
    this.violations.push(broken(invariant, text));
    this.#trace.write(`VIOLATION of invariant ${invariant}: ${text}`);
  }

  alias(id: JobId): string {
    return this.jobs.get(id)?.alias ?? `?${id}`;
  }

  // What the storage did.

  stored(job: NewJob): void {
    if (this.jobs.has(job.id)) return;
    const alias = `j${this.jobs.size}`;
    this.jobs.set(job.id, { alias, job, state: "waiting", fence: 0, attempt: 0, claim: null, wasAskedToStop: false, isAcked: false, endings: [], told: [] });
    this.#trace.write(`stored ${alias} ${job.name} in ${job.queue}, in ${job.runAt - this.#time.wall} ms`);
  }

  /** An enqueue has resolved. */
  acked({ id, duplicate }: { readonly id: JobId; readonly duplicate: boolean }): void {
    const facts = this.jobs.get(id);
    this.#trace.write(`acked ${this.alias(id)}${duplicate ? ", a duplicate" : ""}`);
    if (facts === undefined) this.violate(2, `job ${id} was acknowledged but never stored`);
    else if (!duplicate) facts.isAcked = true;
  }

  claimed(job: ClaimedJob, request: ClaimRequest): void {
    const facts = this.#facts(job.id);
    if (facts === undefined) return;
    const { alias, state } = facts;
    this.#trace.write(`claimed ${alias}#${job.fence} attempt ${job.attempt}`);
    if (state === "completed") this.violate(3, `${alias} was done and runs again`);
    else if (isEnded(state)) this.violate(11, `${alias} was ${state} and runs again`);
    else if (state === "running") this.violate(4, `${alias} was claimed while it was claimed`);
    if (job.fence <= facts.fence) this.violate(5, `the fence of ${alias} went from ${facts.fence} to ${job.fence}`);
    if (job.attempt !== facts.attempt + 1) this.violate(8, `${alias} had ${facts.attempt} charged runs and was claimed for run ${job.attempt}`);
    if (job.attempt > job.maxRetries + 1) this.violate(10, `${alias} is to run ${job.attempt} times, with ${job.maxRetries} retries`);
    if (job.runAt > request.now) this.violate(21, `${alias} was handed out ${job.runAt - request.now} ms early`);
    this.#adopt(job, facts.fence);
    this.deaths?.claimed(job.id);
    Object.assign(facts, { state: "running", fence: job.fence, attempt: job.attempt, claim: job });
  }

  /** A run that its runner has not heard of yet goes on under a claim of the same runner. */
  #adopt(job: ClaimedJob, formerFence: number): void {
    for (let fence = formerFence; fence > 0; fence -= 1) {
      const former = this.#runs.get(runKey(job.id, fence));
      if (former?.fate !== null || former.job.runner !== job.runner) continue;
      this.#runs.set(runKey(job.id, job.fence), former);
      return;
    }
  }

  /** @param accepted whether the storage applied it */
  completed(transition: Transition, accepted: boolean): void {
    const facts = this.#facts(transition.id);
    if (facts === undefined) return;
    const { alias, claim } = facts;
    this.#trace.write(`${accepted ? "accepted" : "refused"} ${alias}#${transition.fence} ${transition.to} attempt ${transition.attempt} ${transition.failure?.reason ?? ""}`);
    this.#clear(transition, this.run(transition.id, transition.fence)?.job ?? claim);
    if (!accepted) return;
    if (claim?.fence !== transition.fence) {
      this.violate(4, `an end of ${alias} under fence ${transition.fence} was accepted, but its claim is ${claim === null ? "over" : claim.fence}`);
      return;
    }
    const run = this.run(transition.id, transition.fence);
    const violation = judge(transition, { job: claim, run, isEngineRunning: this.isRunning(claim.runner) });
    if (violation !== null) this.violate(violation.invariant, `${alias}#${claim.fence} (${run?.fate?.kind ?? "unheard"}): ${violation.text}`);
    if (transition.to === "cancelled" && !facts.wasAskedToStop) this.violate(9, `${alias} was cancelled though nobody asked for it`);
    this.deaths?.ended(transition);
    Object.assign(facts, { state: transition.to, attempt: transition.attempt, claim: null });
    this.#end(facts);
  }

  /** Its process has died while it ran, too often. */
  givenUp(id: JobId): void {
    const facts = this.#facts(id);
    if (facts === undefined) return;
    this.#trace.write(`given up ${facts.alias}#${facts.fence}`);
    Object.assign(facts, { state: "dead", claim: null });
    this.#end(facts);
  }

  cancelled(id: JobId, result: CancelResult): void {
    const facts = this.jobs.get(id);
    if (facts === undefined) return;
    this.#trace.write(`cancel ${facts.alias}: ${result}`);
    if (result === "finished" || result === "unknown") return;
    facts.wasAskedToStop = true;
    if (result !== "cancelled") return;
    if (facts.state === "running" || isEnded(facts.state)) this.violate(11, `${facts.alias} was ${facts.state} and became cancelled`);
    facts.state = "cancelled";
    this.#end(facts);
  }

  changed({ id, action }: ChangeRequest, result: ChangeResult): void {
    const facts = this.jobs.get(id);
    if (facts === undefined) return;
    this.#trace.write(`${action} ${facts.alias}: ${result}`);
    if (result !== "changed") return;
    if (facts.state === "running") this.violate(11, `${facts.alias} was running and its row was changed by ${action}`);
    this.deaths?.forget(id);
    if (action === "remove") facts.state = "removed";
    else Object.assign(facts, { state: "waiting", attempt: 0, wasAskedToStop: false });
  }

  reclaimed(row: JobRow): void {
    const facts = this.#facts(row.id);
    if (facts === undefined) return;
    this.#trace.write(`reclaimed ${facts.alias}#${row.fence}`);
    this.deaths?.reclaimed(row.id);
    if (row.attempt !== facts.attempt - 1) this.violate(8, `${facts.alias} was given back with ${row.attempt} charged runs and had ${facts.attempt - 1}`);
    Object.assign(facts, { state: "waiting", attempt: row.attempt, claim: null });
  }

  /** An engine has told how a job ended. */
  told(id: JobId, state: FinishedState): void {
    const facts = this.jobs.get(id);
    if (facts === undefined) return;
    facts.told.push(state);
    const count = (states: readonly FinishedState[]): number => states.filter((one) => one === state).length;
    if (count(facts.told) > count(facts.endings)) this.violate(4, `${facts.alias} was told to be ${state}, but the storage has not accepted that`);
  }

  /** Whoever awaited a job was told this of it. */
  answered(id: JobId, ending: FinishedState | "unknown"): void {
    const facts = this.jobs.get(id);
    if (ending === "unknown") {
      if (facts?.endings.length === 0 && facts.state !== "removed") this.violate(2, `${facts.alias} is said to be unknown, but it has not ended`);
    } else if (facts?.endings.includes(ending) !== true) {
      this.violate(4, `whoever awaited ${this.alias(id)} heard that it is ${ending}, but the storage has not accepted that`);
    }
  }

  // What the threads did.

  run(id: JobId, fence: number): Run | undefined {
    return this.#runs.get(runKey(id, fence));
  }

  sent(job: ClaimedJob, timeoutMs: number | null): Run {
    const key = runKey(job.id, job.fence);
    const former = this.#runs.get(key);
    // A suspect of the death of its thread runs again under the same claim.
    const isSuspect = this.#suspects.delete(suspectKey(job));
    if (this.#unwanted.delete(suspectKey(job))) this.violate(11, `${this.alias(job.id)}#${job.fence} was sent, though it had been cancelled`);
    if (former !== undefined && !isSuspect) this.violate(3, `${this.alias(job.id)}#${job.fence} was sent twice`);
    const run: Run = {
      ...{ job, timeoutMs: job.timeoutMs ?? timeoutMs, isSuspect, startedAt: null, ending: null },
      ...{ asked: null, wasCancelled: false, heardStop: false, stopsUnheard: 0, condemned: null, fate: null, fateAt: 0 },
    };
    this.#trace.write(`sent ${this.#nameOf(run)}${isSuspect ? ", a suspect" : ""}`);
    this.#runs.set(key, run);
    return run;
  }

  started(run: Run): void {
    const name = this.#nameOf(run);
    this.#trace.write(`started ${name}`);
    if (run.startedAt !== null) this.violate(3, `${name} was started twice under one claim`);
    if (run.fate?.kind === "taken back") this.violate(3, `${name} was started after it was taken back`);
    run.startedAt = this.#time.monotonic;
  }

  /** It will not end by itself. */
  goesOnForEver(run: Run): void {
    this.#endless.add(run);
  }

  /** Jobs that run until they are cancelled. */
  get endless(): readonly JobId[] {
    return [...this.#endless].map(({ job }) => job.id);
  }

  /** The engine heard this of a run. */
  heard(run: Run, fate: Fate): void {
    if (run.fate !== null) return;
    this.#trace.write(`${fate.kind} ${this.#nameOf(run)}${fate.kind === "answered" ? ` ${fate.outcome.kind}` : fate.kind === "gone" ? ` ${fate.verdict}` : ""}`);
    run.fate = fate;
    run.fateAt = this.#time.monotonic;
    this.#endless.delete(run);
    if (fate.kind === "gone" ? fate.verdict === "suspect" : fate.kind === "taken back" && run.isSuspect) this.#suspects.set(suspectKey(run.job), run.job);
  }

  /** Jobs that wait to run alone. */
  get suspected(): readonly JobId[] {
    return [...this.#suspects.values()].map(({ id }) => id);
  }

  /** An engine has answered that it cancels a job which it may hold as a suspect. */
  cancelling(id: JobId, runners: ReadonlySet<string>): void {
    for (const [key, job] of this.#suspects) if (job.id === id && runners.has(job.runner)) this.#unwanted.add(key);
  }

  /** Its runner lets it go. What is repeated of an earlier claim says nothing of that. */
  #clear({ fence }: Transition, job: ClaimedJob | null): void {
    const key = job === null ? null : suspectKey(job);
    if (key === null || fence < (this.#suspects.get(key)?.fence ?? Infinity)) return;
    this.#suspects.delete(key);
    this.#unwanted.delete(key);
  }

  #nameOf({ job }: Run): string {
    return `${this.alias(job.id)}#${job.fence}`;
  }

  #facts(id: JobId): JobFacts | undefined {
    const facts = this.jobs.get(id);
    if (facts === undefined) this.violate(6, `the storage knows a job ${id} that was never stored`);
    return facts;
  }

  #end(facts: JobFacts): void {
    if (isEnded(facts.state)) facts.endings.push(facts.state);
  }
}

function suspectKey({ id, runner }: ClaimedJob): string {
  return `${id} of ${runner}`;
}

function isEnded(state: JobFacts["state"]): state is FinishedState {
  return state !== "removed" && isFinished(state);
}
