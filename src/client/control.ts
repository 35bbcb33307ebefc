/** The control and the read side: what can be done to jobs that are stored, and what can be asked of them. */

import { announceCancelled } from "../announce.js";
import type { Clock } from "../clock.js";
import { DuplicateJobError, OptionsError, PayloadLostError, UnknownJobError } from "../errors.js";
import type { Events } from "../events.js";
import { show } from "../job/duration.js";
import { isFinished, JOB_STATES, type JobId, type JobRow } from "../job/job-record.js";
import { rejectUnknownKeys, requireFiniteCount, requireId, requireName } from "../job/options.js";
import type { Storage } from "../storage/storage.js";
import type { CancelAnswer } from "./handle.js";
import { type EngineStats, type JobInfo, type JobPage, type ListOptions, type QueueStats, toJobInfo } from "./job-info.js";
import { endingOf, type Results } from "./results.js";

/** What the half that runs jobs knows, if there is one. */
export interface Running {
  progress(id: JobId): number | null;
  health(queue: string): Pick<QueueStats, "threads" | "healthy" | "problem" | "leakedThreads">;
}

export interface ControlDeps {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly events: Events;
  readonly results: Results;
  readonly running: () => Running | undefined;
  /** The storage says that this job runs, and that it is to stop. */
  readonly onCancelling: (id: JobId) => void;
  /** Jobs may be runnable now, queues empty, or finished jobs due for pruning. */
  readonly onChange: (row: JobRow | undefined) => void;
  /** It was changed, and the storage does not say how it is now. */
  readonly onDoubt: (id: JobId) => void;
}

const LIST_LIMIT = 100;
const LARGEST_LIST = 1_000;

export class Control {
  readonly #deps: ControlDeps;

  constructor(deps: ControlDeps) {
    this.#deps = deps;
  }

  async cancel(id: JobId): Promise<CancelAnswer> {
    requireId(id);
    const { storage, clock, events, onCancelling } = this.#deps;
    const [answer] = await storage.cancel([id], clock.now());
    if (answer === undefined || answer === "unknown") throw unknownJob(id);
    if (answer === "cancelling") onCancelling(id);
    if (answer === "cancelled") {
      const row = await this.#settle(id);
      if (row !== undefined) announceCancelled(events, row);
    }
    return answer;
  }

  async retry(id: JobId): Promise<void> {
    requireId(id);
    const { storage, clock } = this.#deps;
    const answer = await storage.change({ action: "retry", id, now: clock.now() });
    switch (answer) {
      case "unknown":
        throw unknownJob(id);
      case "running":
        throw new OptionsError(`job ${id} is running and cannot be retried`);
      case "duplicate":
        throw new DuplicateJobError(`job ${id} cannot be retried: another unfinished job holds its unique key`);
      case "lost":
        throw await this.#payloadLost(id);
      case "changed":
        // Who awaited it while it was unfinished goes on to wait: for the end of the run that comes now.
        this.#deps.onChange(await this.#rowIfTold(id));
    }
  }

  async remove(id: JobId): Promise<void> {
    requireId(id);
    const { storage, clock, results } = this.#deps;
    const answer = await storage.change({ action: "remove", id, now: clock.now() });
    if (answer === "unknown") throw unknownJob(id);
    if (answer !== "changed") throw new OptionsError(`job ${id} is running and cannot be removed: cancel it first`);
    results.settle(id, { kind: "failed", error: new UnknownJobError(`job ${id} was removed`) });
    this.#deps.onChange(undefined);
  }

  async pause(queue: string, paused: boolean): Promise<void> {
    requireName(queue, "queue");
    await this.#deps.storage.pause(queue, paused);
    this.#deps.onChange(undefined);
  }

  async info(id: JobId): Promise<JobInfo | undefined> {
    requireId(id);
    const row = await this.#row(id);
    return row === undefined ? undefined : toJobInfo(row, this.#deps.running()?.progress(id) ?? null);
  }

  async list(options: ListOptions = {}): Promise<JobPage> {
    rejectUnknownKeys(options, ["state", "queue", "name", "limit", "after"], "list");
    const { limit = LIST_LIMIT, ...filter } = options;
    requireFiniteCount(limit, "limit", 1);
    for (const key of ["queue", "name", "after"] as const) if (filter[key] !== undefined) requireName(filter[key], key);
    if (filter.state !== undefined && !JOB_STATES.includes(filter.state)) {
      throw new OptionsError(`state must be one of ${JOB_STATES.join(", ")}, but is ${show(filter.state)}`);
    }
    const { storage, clock, running } = this.#deps;
    const { jobs, next } = await storage.list({ ...filter, limit: Math.min(limit, LARGEST_LIST), now: clock.now() });
    return { jobs: jobs.map((row) => toJobInfo(row, running()?.progress(row.id) ?? null)), next };
  }

  /** @param queues to show even if they have no jobs */
  async stats(queues: Iterable<string>): Promise<EngineStats> {
    const { storage, clock, running } = this.#deps;
    const [{ jobs, totals }, { paused }] = await Promise.all([storage.count(clock.now()), storage.settings()]);
    const names = new Set([...queues, ...Object.keys(totals), ...jobs.map(({ queue }) => queue), ...paused]);
    const stats = [...names].map((queue): [string, QueueStats] => {
      const counts = { scheduled: 0, waiting: 0, running: 0, retrying: 0, completed: 0, dead: 0, cancelled: 0 };
      for (const { queue: other, state, count } of jobs) if (other === queue) counts[state] += count;
      const health = running()?.health(queue) ?? { threads: 0, healthy: true, problem: null, leakedThreads: 0 };
      const total = totals[queue] ?? { enqueued: 0, completed: 0, dead: 0, cancelled: 0 };
      return [queue, { ...counts, ...health, paused: paused.includes(queue), totals: total }];
    });
    return { queues: Object.fromEntries(stats) };
  }

  /** Tells those who await a job how it ended, if it has. */
  async #settle(id: JobId): Promise<JobRow | undefined> {
    const row = await this.#rowIfTold(id);
    const ending = row === undefined ? undefined : endingOf(row, id);
    if (ending !== undefined) this.#deps.results.settle(id, ending);
    this.#deps.onChange(row !== undefined && isFinished(row.state) ? row : undefined);
    return row;
  }

  /** What was asked for is done already, so a failure is not for the caller. */
  async #rowIfTold(id: JobId): Promise<JobRow | undefined> {
    const row = await this.#row(id).catch(() => undefined);
    if (row === undefined) this.#deps.onDoubt(id);
    return row;
  }

  async #payloadLost(id: JobId): Promise<PayloadLostError> {
    const row = await this.#row(id).catch(() => undefined);
    const message = `job ${id} cannot be retried: its payload was transferred and does not exist any more`;
    return new PayloadLostError(message, { id, name: row?.name ?? "", runs: row?.attempt ?? 0 });
  }

  async #row(id: JobId): Promise<JobRow | undefined> {
    const [row] = await this.#deps.storage.get([id], this.#deps.clock.now());
    return row;
  }
}

function unknownJob(id: JobId): UnknownJobError {
  return new UnknownJobError(`no job ${id} is known`);
}
