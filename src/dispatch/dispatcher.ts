/**
 * Decides what goes into free capacity; one per queue:
 * 1. claims as many jobs as fit and sends them to lanes, several short ones in one frame;
 * 2. hands every end of a run to the completer;
 * 3. takes back what waits behind a job that turned out long, and what a dead lane had not run.
 * Every cause to look is the same `wake()`. It carries no job, so it may be lost or doubled without harm. Nothing is held here:
 * a claimed job is on a lane, or on its way back to storage.
 */

import type { ClaimedJob, JobId } from "../job/job-record.js";
import { nextTransition, type Outcome } from "../job/lifecycle.js";
import { isDetached } from "../job/payload-kinds.js";
import type { LogLine } from "../protocol/messages.js";
import { deferred, type Deferred } from "../waiting.js";
import { Capacity } from "./capacity.js";
import { ClaimLoop } from "./claim-loop.js";
import type { DispatcherDeps } from "./dispatcher-deps.js";
import { exitFailure, lostFailure, timeoutFailure } from "./failures.js";
import { type Flight, Flights } from "./flights.js";
import { planFrames } from "./frame-plan.js";
import type { Death, JobAnswer, Lane, PoolListener } from "./pool.js";
import { Overrun } from "./overrun.js";
import { Watchdog } from "./watchdog.js";

export class Dispatcher implements PoolListener {
  readonly #deps: DispatcherDeps;
  readonly #flights = new Flights();
  readonly #capacity: Capacity;
  readonly #watchdog: Watchdog;
  readonly #overrun: Overrun;
  readonly #claims: ClaimLoop;
  /** Not on a lane when they were cancelled: a claim whose answer is under way may bring them. */
  readonly #cancelledEarly = new Set<JobId>();
  #names: readonly string[] = [];
  #isWakePlanned = false;
  #isClosed = false;
  #idle: Deferred<void> | undefined;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    this.#capacity = new Capacity(deps.pool.concurrency);
    this.#watchdog = new Watchdog({
      clock: deps.clock,
      graceMs: deps.graceMs,
      startedAt: (id) => this.#flights.get(id)?.lane.startedAt(id) ?? null,
      onDeadline: (id) => this.#onDeadline(id),
      onGraceOver: (id) => this.#flights.get(id)?.lane.kill(),
    });
    this.#claims = new ClaimLoop({
      ...deps,
      capacity: () => this.#claimable(),
      names: () => this.#names,
      held: () => [...this.#flights.all()].map(({ job }) => job).concat(deps.unsettled()).map(({ id, fence }) => ({ id, fence })),
      onClaimed: (jobs) => this.#place(jobs),
      onReclaimed: (jobs) => deps.listener.reclaimed(jobs),
      onError: (error) => deps.listener.storageFailed(error),
      onIdle: () => {
        this.#cancelledEarly.clear();
        this.#tellIdle();
      },
    });
    this.#overrun = new Overrun({
      ...{ clock: deps.clock, flights: this.#flights, concurrency: deps.pool.concurrency },
      onLong: (name, ranMs) => this.#capacity.record(name, ranMs),
      onBlocked: (lane) => this.#takeBackUnstarted(lane),
    });
  }

  /** How many threads are ready. */
  get threads(): number {
    return this.#flights.laneCount;
  }

  /** The jobs that its threads can run; none before the first is ready. */
  get names(): readonly string[] {
    return this.#names;
  }

  wake(): void {
    this.#claims.wake();
  }

  /** We may have claimed jobs that nobody told us of. */
  doubtClaims(): void {
    this.#claims.doubt();
  }

  /** Cancels a job if it is on a lane; one that has started is asked to stop. */
  cancel(id: JobId): void {
    const flight = this.#flights.get(id);
    if (flight === undefined) {
      if (!this.#claims.isIdle) this.#cancelledEarly.add(id);
      return;
    }
    flight.cancelRequested = true;
    if (this.#takeBack(flight.lane, [id]) === 0) flight.lane.askToStop(id, "cancel");
  }

  progress(id: JobId): number | null {
    return this.#flights.get(id)?.lane.progress(id) ?? null;
  }

  /** Claims no more, and gives back what has not started. Resolves when nothing runs any more. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#claims.stop();
    this.#overrun.stop();
    for (const lane of this.#flights.lanes) this.#takeBackUnstarted(lane);
    this.#idle ??= deferred();
    this.#tellIdle();
    return this.#idle.promise;
  }

  /** Gives back what still runs. Its threads are about to be ended, and what they still say is ignored. */
  abandon(): void {
    this.#watchdog.stop();
    for (const flight of [...this.#flights.all()]) this.#end(flight, { kind: "unexecuted" });
  }

  // Claiming.

  #claimable(): number {
    let count = 0;
    for (const lane of this.#flights.lanes) count += this.#capacity.claimable(this.#flights.load(lane));
    return count;
  }

  /** Sends what fits, and gives the rest back to storage. */
  #place(claimed: readonly ClaimedJob[]): void {
    const jobs = claimed.filter((job) => !this.#adopt(job) && !this.#settleUnsent(job));
    const lanes = this.#isClosed ? [] : [...this.#flights.lanes];
    const { frames, rest } = planFrames({ jobs, lanes, flights: this.#flights, capacity: this.#capacity });
    for (const job of rest) {
      this.#capacity.noteMisfit(job.name);
      this.#settle({ job, outcome: { kind: "unexecuted" } });
    }
    for (const [lane, frame] of frames) {
      for (const job of frame) {
        const estimateMs = this.#capacity.estimateMs(job.name);
        this.#flights.add({ job, lane, estimateMs, cancelRequested: false, timedOut: false, toldProgress: null });
      }
      this.#send(lane, frame);
    }
  }

  /** Ends a job that must not, or cannot, be sent. @returns whether it was one */
  #settleUnsent(job: ClaimedJob): boolean {
    if (this.#cancelledEarly.has(job.id)) this.#settle({ job, outcome: { kind: "unexecuted" }, cancelRequested: true });
    else if (isWhole(job)) return false;
    else this.#settle({ job, outcome: lostFailure(job) });
    return true;
  }

  /** A job that is on a lane still, though its claim was taken from us meanwhile, goes on under the new claim. @returns whether it is one */
  #adopt(job: ClaimedJob): boolean {
    const flight = this.#flights.get(job.id);
    if (flight !== undefined) flight.job = job;
    return flight !== undefined;
  }

  #send(lane: Lane, frame: readonly ClaimedJob[]): void {
    lane.send(frame);
    for (const job of frame) {
      const timeoutMs = job.timeoutMs ?? this.#deps.timeoutMs;
      if (timeoutMs !== null) this.#watchdog.watch(job.id, timeoutMs);
      this.#deps.listener.started(job);
    }
    this.#overrun.watch(lane);
  }

  // Ends of runs.

  answered(lane: Lane, { id, outcome, tookMs, progress }: JobAnswer): void {
    const flight = this.#flights.get(id);
    // Given back already, when the engine stopped, or gone with its lane and sent to another one since.
    if (flight?.lane !== lane) return;
    this.#capacity.record(flight.job.name, tookMs);
    // A thread does not send every step; the last one counts.
    if (progress !== null && progress !== flight.toldProgress) this.progressed(id, progress, null);
    if (outcome.kind === "unregistered") this.#names = this.#names.filter((name) => name !== flight.job.name);
    // Who ended in time is not late because the main thread was busy when the answer came.
    const isLate = flight.timedOut && tookMs >= this.#timeoutOf(flight);
    this.#end(flight, isLate ? timeoutFailure(this.#timeoutOf(flight)) : outcome, { progress });
    this.#wakeAtEndOfTurn();
  }

  #end(flight: Flight, outcome: Outcome, how: { readonly progress?: number | null; readonly rescued?: boolean } = {}): void {
    const { job, cancelRequested } = flight;
    this.#flights.take(job.id);
    this.#watchdog.forget(job.id);
    this.#settle({ job, outcome, cancelRequested, ...how });
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.#flights.size === 0 && this.#claims.isIdle) this.#idle?.resolve();
  }

  #settle(end: {
    readonly job: ClaimedJob;
    readonly outcome: Outcome;
    readonly progress?: number | null;
    readonly cancelRequested?: boolean;
    readonly rescued?: boolean;
  }): void {
    const { job, outcome, progress = null, cancelRequested = false, rescued = false } = end;
    const { clock, listener } = this.#deps;
    const transition = nextTransition(job, outcome, { now: clock.now(), random: clock.random(), cancelRequested, progress });
    listener.settle({ job, outcome, transition, rescued });
  }

  #wakeAtEndOfTurn(): void {
    if (this.#isWakePlanned) return;
    this.#isWakePlanned = true;
    this.#deps.clock.endOfTurn(() => {
      this.#isWakePlanned = false;
      this.wake();
    });
  }

  // Deadlines, and jobs that hold up others.

  #onDeadline(id: JobId): void {
    const flight = this.#flights.get(id);
    if (flight === undefined) return;
    flight.timedOut = true;
    flight.lane.askToStop(id, "timeout");
  }

  #timeoutOf(flight: Flight): number {
    return flight.job.timeoutMs ?? this.#deps.timeoutMs ?? 0;
  }

  #takeBackUnstarted(lane: Lane): void {
    // What was moved to the thread cannot be taken back from it.
    const flights = [...this.#flights.on(lane)].filter(({ job }) => job.attachments.length === 0);
    this.#takeBack(lane, flights.map(({ job }) => job.id));
  }

  /** @returns how many had not started */
  #takeBack(lane: Lane, ids: readonly JobId[]): number {
    const taken = lane.takeBack(ids);
    for (const id of taken) {
      const flight = this.#flights.get(id);
      if (flight !== undefined) this.#end(flight, { kind: "unexecuted" });
    }
    return taken.length;
  }

  // The rest of what a pool tells.

  ready(lane: Lane): void {
    this.#names = lane.names;
    this.#flights.addLane(lane);
    this.#deps.listener.laneReady(lane);
    this.wake();
  }

  gone(lane: Lane, death: Death): void {
    const flights = [...this.#flights.on(lane)];
    const timedOut = new Set(flights.filter((flight) => flight.timedOut).map(({ job }) => job.id));
    const started = new Set(death.started);
    for (const flight of flights) {
      const { id } = flight.job;
      // Whoever passed a deadline is why the lane was ended: the others run again and pay nothing.
      if (timedOut.has(id)) this.#end(flight, timeoutFailure(this.#timeoutOf(flight)));
      else if (timedOut.size === 0 && started.has(id)) this.#end(flight, exitFailure(death));
      else this.#end(flight, { kind: "unexecuted" }, { rescued: true });
    }
    this.#flights.removeLane(lane);
    this.#deps.listener.laneGone(lane, death);
  }

  progressed(id: JobId, fraction: number, detail: string | null): void {
    const flight = this.#flights.get(id);
    if (flight === undefined) return;
    flight.toldProgress = fraction;
    this.#deps.listener.progressed(flight.job, fraction, detail);
  }

  logged(id: JobId, line: LogLine): void {
    const flight = this.#flights.get(id);
    if (flight !== undefined) this.#deps.listener.logged(flight.job, line);
  }

  bootFailed(error: Error): void {
    this.#deps.listener.unhealthy(error);
  }
}

function isWhole({ attachments }: ClaimedJob): boolean {
  return !attachments.some(isDetached);
}
