/** Ticks: enqueues the job of each schedule at a fixed rate. What was missed is one tick, not a burst. */

import type { Clock } from "../clock.js";
import type { NewJob } from "../job/job-record.js";
import type { QueueLimit, Schedule, SettingsStore } from "../storage/storage.js";
import { WallTimer } from "./wall-timer.js";

const RETRY_MS = 1_000;

export interface EveryDeps {
  readonly storage: Pick<SettingsStore, "settings" | "tick">;
  readonly clock: Clock;
  readonly newJob: (template: Schedule["template"]) => NewJob;
  readonly limit: (queue: string) => QueueLimit | undefined;
  readonly onTick: (job: NewJob) => void;
  /** A tick was skipped, for it found its queue full. */
  readonly onFull: (queue: string) => void;
  readonly onError: (error: unknown) => void;
}

export class Every {
  readonly #deps: EveryDeps;
  readonly #timer: WallTimer;
  #isTicking = false;
  #isStale = false;
  #isStopped = false;

  constructor(deps: EveryDeps) {
    this.#deps = deps;
    this.#timer = new WallTimer(deps.clock);
  }

  /** The schedules have changed, or are read for the first time. */
  refresh(): void {
    this.#isStale = true;
    if (!this.#isTicking) void this.#tickAll();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer.cancel();
  }

  async #tickAll(): Promise<void> {
    const { storage, clock, onError } = this.#deps;
    this.#isTicking = true;
    this.#timer.cancel();
    let nextAt = Infinity;
    while (this.#isStale && !this.#isStopped) {
      this.#isStale = false;
      try {
        nextAt = Infinity;
        const { schedules } = await storage.settings();
        for (const schedule of schedules) nextAt = Math.min(nextAt, await this.#tick(schedule));
      } catch (error) {
        onError(error);
        nextAt = clock.now() + RETRY_MS;
      }
    }
    this.#isTicking = false;
    if (nextAt < Infinity && !this.#isStopped) this.#timer.set(nextAt, () => this.refresh());
  }

  /** @returns when to look at the schedule again */
  async #tick(schedule: Schedule): Promise<number> {
    const { clock, onError } = this.#deps;
    const now = clock.now();
    if (schedule.nextAt > now || this.#isStopped) return schedule.nextAt;
    try {
      return await this.#tickNow(schedule, now);
    } catch (error) {
      // The other schedules go on.
      onError(error);
      return clock.now() + RETRY_MS;
    }
  }

  async #tickNow(schedule: Schedule, now: number): Promise<number> {
    const { storage, newJob, limit: limitOf, onTick, onFull } = this.#deps;
    const nextAt = nextTickAt(schedule, now);
    const job = newJob(schedule.template);
    const limit = limitOf(job.queue);
    const outcome = await storage.tick({ name: schedule.name, dueAt: schedule.nextAt, nextAt, job, ...(limit === undefined ? {} : { limit }) });
    if (outcome === "ticked") onTick(job);
    if (outcome === "full") onFull(job.queue);
    // Somebody else moved or removed it: read it again.
    if (outcome === "lost") this.#isStale = true;
    return nextAt;
  }
}

/** The first time after `now` on the grid of the schedule, which never drifts. */
function nextTickAt({ nextAt, everyMs }: Pick<Schedule, "nextAt" | "everyMs">, now: number): number {
  const missed = Math.max(Math.floor((now - nextAt) / everyMs), 0);
  return nextAt + (missed + 1) * everyMs;
}
