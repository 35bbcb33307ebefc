/** `every`: jobs that are enqueued again and again. */

import type { Clock } from "../clock.js";
import { OptionsError } from "../errors.js";
import type { JobSpec } from "../job/define-job.js";
import { type Duration, parseDuration, show } from "../job/duration.js";
import type { EnqueueOptions } from "../job/enqueue-options.js";
import { rejectUnknownKeys, requireName, requireObject } from "../job/options.js";
import { checkedRequest, ENQUEUE_OPTIONS, requireJob } from "../job/job-request.js";
import type { Schedule, SettingsStore } from "../storage/storage.js";

export interface EveryOptions extends Omit<EnqueueOptions, "transfer" | "signal" | "delay" | "runAt"> {
  /** Of the schedule; one of the same name is replaced. Default: the job's name. */
  readonly name?: string;
  /** `skip`: no job is enqueued while the one before is unfinished. Default `allow`. */
  readonly overlap?: "allow" | "skip";
}

export interface ScheduleHandle {
  readonly name: string;
  /** When the next tick is due, in ms since the epoch. */
  readonly nextAt: number;
  /** No tick comes any more. What was enqueued stays. */
  cancel(): Promise<void>;
}

/** A schedule as `schedules()` shows it. */
export interface ScheduleInfo {
  readonly name: string;
  readonly everyMs: number;
  /** When the next tick is due, in ms since the epoch. */
  readonly nextAt: number;
  /** Its name. */
  readonly job: string;
  readonly queue: string;
}

export interface SchedulesDeps {
  readonly storage: Pick<SettingsStore, "saveSchedule" | "removeSchedule" | "settings">;
  readonly clock: Clock;
  /** In bytes. */
  readonly maxPayload: number;
  /** Before anything is read or written. */
  readonly ready: () => Promise<void>;
  readonly onChange: () => void;
}

export class Schedules {
  readonly #deps: SchedulesDeps;

  constructor(deps: SchedulesDeps) {
    this.#deps = deps;
  }

  async every(call: {
    readonly interval: Duration;
    readonly job: JobSpec | string;
    readonly payload: unknown;
    readonly options: EveryOptions;
  }): Promise<ScheduleHandle> {
    const { interval, job, payload } = call;
    requireJob(job);
    requireOptions(call.options);
    const { name = typeof job === "string" ? job : job.name, overlap = "allow", ...options } = call.options;
    const { storage, clock, maxPayload, ready, onChange } = this.#deps;
    const everyMs = parseDuration(interval, "interval", { minMs: 1 });
    requireName(name, "the name of a schedule");
    if (!["allow", "skip"].includes(overlap)) throw new OptionsError(`overlap must be "allow" or "skip", but is ${show(overlap)}`);
    const { delayMs, runAt, attachments, depth, ...request } = await checkedRequest({ job, payload, options, maxPayload, canTransfer: false });
    await ready();
    const unique = overlap === "skip" ? (request.unique ?? { key: `every ${name}`, until: "finished" as const }) : request.unique;
    const kept = (await storage.settings()).schedules.find((schedule) => schedule.name === name);
    // Declared again, as at each start of a server, it keeps its rhythm. If it ticks meanwhile, the storage keeps what the tick has written.
    const nextAt = kept?.everyMs === everyMs ? kept.nextAt : clock.now();
    try {
      await storage.saveSchedule({ name, everyMs, nextAt, template: { ...request, unique } });
    } finally {
      // Also after a failure: nobody knows what it did.
      onChange();
    }
    return Object.freeze({ name, nextAt, cancel: () => this.#remove(name) });
  }

  async list(): Promise<readonly ScheduleInfo[]> {
    const { schedules } = await this.#deps.storage.settings();
    return schedules.map(toScheduleInfo);
  }

  async #remove(name: string): Promise<void> {
    const { storage, ready, onChange } = this.#deps;
    await ready();
    try {
      await storage.removeSchedule(name);
    } finally {
      onChange();
    }
  }
}

const NOT_FOR_TICKS = ["delay", "runAt", "transfer", "signal"];
const OPTION_NAMES = ["name", "overlap", ...ENQUEUE_OPTIONS.filter((name) => !NOT_FOR_TICKS.includes(name))];

/** @throws OptionsError */
function requireOptions(options: unknown): void {
  requireObject(options, "every");
  if ("delay" in options || "runAt" in options) throw new OptionsError("a schedule has neither delay nor runAt: each tick is due at once");
  if ("transfer" in options) throw new OptionsError("a schedule cannot transfer buffers: each exists only once");
  if ("signal" in options) throw new OptionsError("a schedule takes no signal: a tick that finds its queue full is skipped");
  rejectUnknownKeys(options, OPTION_NAMES, "every");
}

function toScheduleInfo({ name, everyMs, nextAt, template }: Schedule): ScheduleInfo {
  return { name, everyMs, nextAt, job: template.name, queue: template.queue };
}
