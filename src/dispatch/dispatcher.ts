/**
 * Decides what goes into free capacity; one per queue:
 * 1. claims as many jobs as fit and sends them to lanes, several short ones in one frame;
 * 2. hands every end of a run to the completer;
 * 3. takes back what waits behind a job that turned out long;
 * 4. when a lane dies, charges who is to blame, and gives the others back.
 * Every cause to look is the same `wake()`. It carries no job, so it may be lost or doubled without harm. Nothing is held here:
 * a claimed job is on a lane, in quarantine, or on its way back to storage.
 */

import type { ClaimedJob, JobId } from "../job/job-record.js";
import type { LogLine } from "../job/job-context.js";
import { deferred, type Deferred } from "../waiting.js";
import { aftermath } from "./aftermath.js";
import { isRunOf } from "./blame.js";
import { Capacity } from "./capacity.js";
import { ClaimLoop } from "./claim-loop.js";
import type { DispatcherDeps } from "./dispatcher-deps.js";
import { Endings } from "./endings.js";
import { lostFailure, strayFailure } from "./failures.js";
import { type Flight, Flights, newFlight } from "./flights.js";
import { Overrun } from "./overrun.js";
import type { Death, JobAnswer, Lane, PoolListener, ProgressStep, StrayError } from "./pool.js";
import { isWhole, Placement } from "./placement.js";
import { Quarantine } from "./quarantine.js";
import { Retirement } from "./retirement.js";
import { Stops } from "./stops.js";

/** So many of the last lines that a run has logged are kept, for the report of its thread's end. */
const LOG_LINES = 5;

export class Dispatcher implements PoolListener {
  readonly #deps: DispatcherDeps;
  readonly #flights: Flights;
  readonly #capacity: Capacity;
  readonly #stops: Stops;
  readonly #endings: Endings;
  readonly #quarantine: Quarantine;
  readonly #retirement: Retirement;
  readonly #overrun: Overrun;
  readonly #claims: ClaimLoop;
  readonly #placement: Placement;
  #names: readonly string[] = [];
  #isWakePlanned = false;
  #isClosed = false;
  #idle: Deferred<void> | undefined;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    const { clock, pool, graceMs, timeoutMs, maxJobsPerThread } = deps;
    const flights = new Flights(maxJobsPerThread);
    const clear = (lane: Lane): void => this.#takeBackUnstarted(lane);
    this.#flights = flights;
    this.#capacity = new Capacity(pool.concurrency);
    this.#stops = new Stops({ clock, flights, timeoutMs, graceMs, clear });
    this.#endings = new Endings({
      ...{ clock, flights, stops: this.#stops },
      onSettled: (settlement) => deps.listener.settle(settlement),
      onFreed: (lane) => this.#onFreed(lane),
    });
    this.#quarantine = new Quarantine({
      ...{ flights, clear },
      send: (lane, job) => this.#placement.send(lane, [newFlight({ job: { ...job, startedAt: clock.now() }, lane, isSuspect: true })]),
      onReleased: () => this.#wakeAtEndOfTurn(),
    });
    this.#retirement = new Retirement({ clock, flights, maxJobsPerThread, concurrency: pool.concurrency, graceMs, clear });
    this.#placement = new Placement({
      ...{ flights, capacity: this.#capacity, endings: this.#endings, stops: this.#stops },
      adopt: (job) => this.#quarantine.adopt(job),
      onStarted: (job) => deps.listener.started(job),
      onSent: (lane) => this.#overrun.watch(lane),
    });
    this.#claims = new ClaimLoop({
      ...deps,
      capacity: () => this.#placement.claimable(),
      names: () => this.#names,
      held: () => this.#claimed().map(({ id, fence }) => ({ id, fence })),
      onClaimed: (jobs) => this.#placement.place(jobs, this.#isClosed ? [] : flights.openLanes()),
      onReclaimed: (jobs) => deps.listener.reclaimed(jobs),
      onError: (error) => deps.listener.storageFailed(error),
      onIdle: () => {
        this.#placement.forgetEarly();
        this.#tellIdle();
      },
    });
    this.#overrun = new Overrun({
      ...{ clock, flights, concurrency: pool.concurrency },
      onLong: (name, ranMs) => this.#capacity.record(name, ranMs),
      onBlocked: clear,
    });
  }

  /** How many threads are ready, and stay. */
  get threads(): number {
    return this.#flights.laneCount;
  }

  /** The jobs that its threads can run; none before the first is ready. */
  get names(): readonly string[] {
    return this.#names;
  }

  wake(): void {
    // Answers that lie in shared memory make room, though nobody has told of them yet.
    for (const lane of this.#flights.lanes) lane.collect();
    this.#claims.wake();
  }

  /** We may have claimed jobs that nobody told us of. */
  doubtClaims(): void {
    this.#claims.doubt();
  }

  /** Cancels a job if it is in our hands. One that runs is asked to stop; if it goes on, its thread is ended. */
  cancel(id: JobId): void {
    const suspect = this.#quarantine.take(id);
    if (suspect !== undefined) {
      this.#endings.settle(suspect, { kind: "unexecuted" }, { cancelRequested: true });
      this.#look();
      return;
    }
    const flight = this.#flights.get(id);
    if (flight === undefined) {
      if (!this.#claims.isIdle) this.#placement.cancelEarly(id);
      return;
    }
    if (flight.cancelRequested) return;
    flight.cancelRequested = true;
    if (this.#takeBack(flight.lane, [id]) === 0) this.#stops.cancel(flight);
  }

  progress(id: JobId): number | null {
    return this.#flights.get(id)?.lane.progress(id) ?? null;
  }

  /** Claims no more, and gives back what has not started. Resolves when nothing runs any more. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#claims.stop();
    this.#overrun.stop();
    this.#retirement.stop();
    for (const job of this.#quarantine.drain()) this.#endings.settle(job, { kind: "unexecuted" });
    for (const lane of this.#flights.lanes) this.#takeBackUnstarted(lane);
    this.#idle ??= deferred();
    this.#tellIdle();
    return this.#idle.promise;
  }

  /** After `close`: gives back what still runs. Its threads are about to be ended, and what they still say is ignored. */
  abandon(): void {
    for (const lane of this.#flights.lanes) lane.collect();
    this.#stops.stop();
    for (const flight of [...this.#flights.all()]) this.#endings.end(flight, { kind: "unexecuted" });
  }

  #claimed(): readonly ClaimedJob[] {
    return [...this.#flights.all()].map(({ job }) => job).concat(this.#quarantine.held(), this.#deps.unsettled());
  }

  // Ends of runs.

  answered(lane: Lane, { id, outcome, tookMs, progress }: JobAnswer): void {
    this.#retirement.layToRest(lane, id);
    const flight = this.#flights.getOn(lane, id);
    if (flight === undefined) return;
    this.#capacity.record(flight.job.name, tookMs);
    this.#flights.noteServed(lane);
    // A thread does not send every step; the last one counts.
    if (progress !== null && progress !== flight.toldProgress) this.progressed(lane, { id, fraction: progress, detail: null });
    if (outcome.kind === "unregistered") this.#names = this.#names.filter((name) => name !== flight.job.name);
    // Who ended in time is not late because the main thread was busy when the answer came.
    const isLate = flight.timedOut && tookMs >= (this.#stops.timeoutMs(flight.job) ?? 0);
    this.#endings.end(flight, isLate ? this.#stops.timeoutFailure(flight) : outcome, { progress });
    this.#wakeAtEndOfTurn();
  }

  #onFreed(lane: Lane): void {
    this.#retirement.check(lane);
    this.#look();
  }

  /** What waited for something to end may have its turn. */
  #look(): void {
    if (!this.#isClosed) this.#quarantine.proceed();
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.#flights.size + this.#quarantine.size === 0 && this.#claims.isIdle) this.#idle?.resolve();
  }

  #wakeAtEndOfTurn(): void {
    if (this.#isWakePlanned) return;
    this.#isWakePlanned = true;
    this.#deps.clock.endOfTurn(() => {
      this.#isWakePlanned = false;
      this.wake();
    });
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
      // Back in storage it would not be a suspect any more.
      if (flight?.isSuspect === true && !flight.cancelRequested && !this.#isClosed) this.#hold(flight);
      else if (flight !== undefined) this.#endings.end(flight, { kind: "unexecuted" });
    }
    return taken.length;
  }

  // Lanes that come, go wrong and go.

  ready(lane: Lane): void {
    this.#names = lane.names;
    this.#flights.addLane(lane);
    this.#deps.listener.laneReady(lane);
    this.#look();
    this.wake();
  }

  strayed(lane: Lane, { run, error }: StrayError): void {
    const flight = run === null ? undefined : this.#flights.getOn(lane, run.id);
    this.#retirement.retire(lane, error);
    if (run !== null && flight !== undefined && isRunOf(run, flight.job)) {
      this.#flights.noteServed(lane);
      this.#retirement.haunt(flight);
      this.#endings.end(flight, flight.timedOut ? this.#stops.timeoutFailure(flight) : strayFailure(error));
    } else if (run !== null) {
      this.#deps.listener.lateError(run, error);
    }
    this.#wakeAtEndOfTurn();
  }

  heapHigh(lane: Lane): void {
    this.#retirement.retire(lane, "heap");
  }

  gone(lane: Lane, death: Death): void {
    const { queue, clock, listener } = this.#deps;
    const { charged, suspects, innocent, late, exit } = aftermath({
      ...{ queue, lane, death, clock, flights: [...this.#flights.on(lane)] },
      retired: this.#retirement.gone(lane),
      killedFor: this.#stops.killedFor(lane),
      stops: this.#stops,
    });
    this.#flights.removeLane(lane);
    for (const flight of suspects) this.#hold(flight);
    for (const [flight, outcome] of charged) this.#endings.end(flight, outcome);
    for (const flight of innocent) this.#endings.end(flight, { kind: "unexecuted" }, { rescued: true });
    if (late !== null) listener.lateError(late.run, late.error);
    listener.laneGone(exit);
    this.#look();
  }

  /** Keeps the claim of a suspect, for a run alone. */
  #hold(flight: Flight): void {
    const { job } = flight;
    if (this.#isClosed) return this.#endings.end(flight, { kind: "unexecuted" }, { rescued: true });
    if (!isWhole(job)) return this.#endings.end(flight, lostFailure(job));
    this.#quarantine.add(job);
    this.#flights.remove(flight);
    this.#stops.forget(job.id);
    this.#deps.listener.rescued(job);
  }

  leaked(thread: number): void {
    this.#deps.listener.leaked(thread);
  }

  bootFailed(error: Error): void {
    this.#deps.listener.unhealthy(error);
  }

  // What runs tell.

  progressed(lane: Lane, { id, fraction, detail }: ProgressStep): void {
    const flight = this.#flights.getOn(lane, id);
    if (flight === undefined) return;
    flight.toldProgress = fraction;
    this.#deps.listener.progressed(flight.job, fraction, detail);
  }

  logged(lane: Lane, id: JobId, line: LogLine): void {
    const flight = this.#flights.getOn(lane, id);
    if (flight === undefined) return;
    flight.log = [...flight.log, line].slice(-LOG_LINES);
    this.#deps.listener.logged(flight.job, line);
  }
}
