/** Turns what happens to jobs and threads into events. */

import type { Settlement } from "./dispatch/completer.js";
import type { DispatchListener } from "./dispatch/dispatcher-deps.js";
import type { LaneExit } from "./dispatch/exit-report.js";
import type { Lane } from "./dispatch/pool.js";
import { type Events, toErrorInfo } from "./events.js";
import type { Failure, JobRow, NewJob } from "./job/job-record.js";

type Run = Pick<JobRow, "id" | "name" | "queue" | "meta" | "attempt">;

function runEvent({ id, name, queue, meta, attempt }: Run): Run {
  return { id, name, queue, meta, attempt };
}

/** When nobody listens, it is a warning that a run was failed by more than its own error. */
function tellExit(events: Events, exit: LaneExit): void {
  events.emit("thread:exited", { ...exit, error: exit.error === null ? null : toErrorInfo(exit.error) });
  // Who cancels a job asked for it.
  const isWarning = exit.charged.length > 0 && exit.reason !== "cancel";
  if (isWarning && !events.has("thread:exited")) process.emitWarning(exit.report, "MillraceWarning");
}

export function announceEnqueued(events: Events, jobs: readonly NewJob[]): void {
  if (!events.has("enqueued")) return;
  for (const { id, name, queue, meta, runAt } of jobs) events.emit("enqueued", { id, name, queue, meta, runAt });
}

export function announceRescued(events: Events, run: Run): void {
  if (events.has("rescued")) events.emit("rescued", runEvent(run));
}

export function announceCancelled(events: Events, run: Run): void {
  if (events.has("cancelled")) events.emit("cancelled", runEvent(run));
}

export function announceDead(events: Events, run: Run, failure: Failure | null): void {
  if (failure !== null && events.has("dead")) events.emit("dead", { ...runEvent(run), error: toErrorInfo(failure.error) });
}

export function announceSettled(events: Events, { job, transition, rescued }: Settlement): void {
  const { to, failure } = transition;
  const name = to === "waiting" || to === "scheduled" ? "rescued" : to;
  // Thousands of jobs may end that nobody listens to.
  if (!events.has(name)) return;
  const run = runEvent({ ...job, attempt: transition.attempt });
  switch (name) {
    case "completed":
      return events.emit("completed", { ...run, tookMs: transition.at - job.startedAt });
    case "cancelled":
      return announceCancelled(events, run);
    case "dead":
      return announceDead(events, run, failure);
    case "retrying":
      if (failure !== null) events.emit("retrying", { ...run, error: toErrorInfo(failure.error), runAt: transition.runAt });
      return;
    case "rescued":
      if (rescued) announceRescued(events, run);
  }
}

/** What a queue's dispatcher tells, as events. */
export function runListener(deps: {
  readonly queue: string;
  readonly events: Events;
  readonly settle: (settlement: Settlement) => void;
  readonly onReclaimed: (rows: readonly JobRow[]) => void;
  /** `null`: the queue has a thread. */
  readonly onHealth: (error: Error | null) => void;
}): DispatchListener {
  const { queue, events, settle, onReclaimed, onHealth } = deps;
  return {
    settle,
    reclaimed: onReclaimed,
    started: (job) => {
      if (events.has("started")) events.emit("started", runEvent(job));
    },
    progressed: (job, fraction, detail) => {
      if (events.has("progress")) events.emit("progress", { ...runEvent(job), fraction, detail });
    },
    logged: (job, line) => {
      if (events.has("log")) events.emit("log", { ...runEvent(job), ...line });
    },
    laneReady: ({ thread }: Lane) => {
      onHealth(null);
      events.emit("thread:started", { queue, thread });
    },
    laneGone: (exit) => tellExit(events, exit),
    leaked: (thread) => events.emit("thread:leaked", { queue, thread }),
    rescued: (job) => announceRescued(events, { ...job, attempt: job.attempt - 1 }),
    lateError: ({ id, name, meta, attempt }, error) => {
      events.emit("late-error", { id, name, queue, meta, attempt, error: toErrorInfo(error) });
    },
    unhealthy: (error) => {
      onHealth(error);
      events.emit("unhealthy", { queue, error });
    },
    storageFailed: (error) => events.emit("error", { error }),
  };
}
