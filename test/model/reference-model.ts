import { type FinishedState, isFinished, type JobId, type JobRow, type JobState, type NewJob } from "../../src/job/job-record.js";
import type { Transition } from "../../src/job/lifecycle.js";
import type { CancelResult, ChangeRequest, ChangeResult, ClaimRequest, Enqueued, QueueLimit, QueueLimits, ReclaimRequest, Retention } from "../../src/storage/storage.js";

type Row = { -readonly [Key in keyof JobRow]: JobRow[Key] };

const NEVER_RUN = {
  ...{ runner: null, startedAt: null, finishedAt: null, failure: null },
  ...{ result: null, resultMoved: false, cancelRequested: false, progress: null },
} as const;

/** What a store does, said as naively as possible: an array in order of enqueue, searched and sorted every time. */
export class ReferenceModel {
  #rows: Row[] = [];
  readonly #holders = new Map<string, JobId>();
  readonly #totals = new Map<string, { enqueued: number; completed: number; dead: number; cancelled: number }>();
  readonly paused: Set<string> = new Set<string>();
  nextAt: number | null = null;
  #everyMs: number | null = null;

  enqueue(jobs: readonly NewJob[], limits: QueueLimits = new Map()): (Enqueued | "full")[] {
    const closed = [...limits].filter(([queue, { maxQueued, room }]) => this.#pending(queue) + room > maxQueued).map(([queue]) => queue);
    return jobs.map((job) => {
      if (this.#find(job.id) !== undefined) return { id: job.id, duplicate: false };
      const holder = job.unique === null ? undefined : this.#holders.get(keyOf(job));
      if (holder !== undefined) return { id: holder, duplicate: true };
      if (closed.includes(job.queue) || this.#pending(job.queue) >= (limits.get(job.queue)?.maxQueued ?? Infinity)) return "full";
      this.#rows.push({ ...job, ...NEVER_RUN, state: "waiting", attempt: 0, fence: 0 });
      this.#hold(job);
      this.#count(job.queue, "enqueued");
      return { id: job.id, duplicate: false };
    });
  }

  claim({ queue, names, limit, runner, now }: ClaimRequest): JobRow[] {
    if (this.paused.has(queue)) return [];
    const due = this.#rows.filter(
      (row) => row.queue === queue && names.includes(row.name) && ["waiting", "scheduled", "retrying"].includes(row.state) && row.runAt <= now,
    );
    due.sort((a, b) => a.priority - b.priority || a.runAt - b.runAt);
    return due.slice(0, limit).map((row) => {
      Object.assign(row, { state: "running", runner, startedAt: now, cancelRequested: false });
      row.fence += 1;
      row.attempt += 1;
      if (row.unique?.until === "started") this.#release(row);
      return { ...row };
    });
  }

  complete(transition: Transition): boolean {
    const row = this.#find(transition.id);
    if (row?.state !== "running" || row.fence !== transition.fence) return false;
    const { to, attempt, runAt, failure, result, resultMoved, progress, at } = transition;
    Object.assign(row, { state: to, attempt, runAt, failure, result, resultMoved, progress, runner: null });
    if (isFinished(to)) this.#finish(row, to, at);
    else row.startedAt = null;
    if (to === "waiting") this.#hold(row);
    return true;
  }

  cancel(id: JobId, now: number): CancelResult {
    const row = this.#find(id);
    if (row === undefined) return "unknown";
    if (isFinished(row.state)) return "finished";
    if (row.state === "running") {
      row.cancelRequested = true;
      return "cancelling";
    }
    this.#finish(row, "cancelled", now);
    return "cancelled";
  }

  change({ action, id, now }: ChangeRequest): ChangeResult {
    const row = this.#find(id);
    if (row === undefined) return "unknown";
    if (row.state === "running") return "running";
    if (action === "remove") this.#remove(row);
    else if (isFinished(row.state) && row.unique !== null && this.#holders.has(keyOf(row))) return "duplicate";
    else {
      const runAt = isFinished(row.state) ? now : Math.min(row.runAt, now);
      Object.assign(row, { ...NEVER_RUN, state: "waiting", attempt: 0, runAt });
      this.#hold(row);
    }
    return "changed";
  }

  reclaim({ runner, queue, keep }: ReclaimRequest): JobRow[] {
    const orphans = this.#rows.filter(
      (row) => row.state === "running" && (queue ?? row.queue) === row.queue && !(row.runner === runner && keep.some(({ id, fence }) => id === row.id && fence === row.fence)),
    );
    for (const row of orphans) {
      Object.assign(row, { state: "waiting", attempt: row.attempt - 1, runner: null, startedAt: null });
      this.#hold(row);
    }
    return orphans.map((row) => ({ ...row }));
  }

  prune({ retention, limit, now }: { readonly retention: Retention; readonly limit: number; readonly now: number }): {
    readonly pruned: number;
    readonly nextInMs: number | null;
  } {
    for (let pruned = 0; ; pruned += 1) {
      const victim = this.#victim(retention, now);
      if (victim === undefined) {
        const dueAt = this.#rows.filter((row) => isFinished(row.state)).map((row) => finishedAt(row) + limitsOf(row.state, retention).ageMs);
        const nextAt = Math.min(...dueAt);
        return { pruned, nextInMs: nextAt === Infinity ? null : nextAt - now };
      }
      if (pruned === limit) return { pruned, nextInMs: 0 };
      this.#remove(victim);
    }
  }

  saveSchedule({ everyMs, nextAt }: { readonly everyMs: number; readonly nextAt: number }): void {
    if (this.#everyMs !== everyMs) this.nextAt = nextAt;
    this.#everyMs = everyMs;
  }

  tick(request: { readonly dueAt: number; readonly nextAt: number; readonly job: NewJob; readonly limit?: QueueLimit }): "ticked" | "skipped" | "full" | "lost" {
    if (this.nextAt !== request.dueAt) return "lost";
    this.nextAt = request.nextAt;
    const [answer] = this.enqueue([request.job], request.limit === undefined ? undefined : new Map([[request.job.queue, request.limit]]));
    if (answer === "full") return "full";
    return answer?.duplicate === true ? "skipped" : "ticked";
  }

  #pending(queue: string): number {
    return this.#rows.filter((row) => row.queue === queue && ["waiting", "scheduled", "retrying"].includes(row.state)).length;
  }

  isCurrent({ id, fence }: Pick<JobRow, "id" | "fence">): boolean {
    const row = this.#find(id);
    return row?.state === "running" && row.fence === fence;
  }

  /** All rows as they are to be seen at this time, in order of id. */
  rows(now: number): JobRow[] {
    return this.#rows.map((row) => ({ ...row, state: seenAs(row, now) })).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** For each queue, name and state that there is, how many jobs. */
  counts(now: number): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { queue, name, state } of this.rows(now)) counts[`${queue} ${name} ${state}`] = (counts[`${queue} ${name} ${state}`] ?? 0) + 1;
    return counts;
  }

  get totals(): unknown {
    return Object.fromEntries(this.#totals);
  }

  nextDueIn(now: number): number | null {
    const pending = this.rows(now).filter(({ state, runAt }) => (state === "scheduled" || state === "retrying") && runAt > now);
    return pending.length === 0 ? null : Math.min(...pending.map(({ runAt }) => runAt)) - now;
  }

  #find(id: JobId): Row | undefined {
    return this.#rows.find((row) => row.id === id);
  }

  #finish(row: Row, state: FinishedState, at: number): void {
    Object.assign(row, { state, finishedAt: at });
    this.#release(row);
    this.#count(row.queue, state);
  }

  #remove(row: Row): void {
    this.#release(row);
    this.#rows = this.#rows.filter((other) => other !== row);
  }

  #hold(job: NewJob): void {
    if (job.unique !== null && !this.#holders.has(keyOf(job))) this.#holders.set(keyOf(job), job.id);
  }

  #release(row: Row): void {
    if (this.#holders.get(keyOf(row)) === row.id) this.#holders.delete(keyOf(row));
  }

  #count(queue: string, event: "enqueued" | FinishedState): void {
    const totals = this.#totals.get(queue) ?? { enqueued: 0, completed: 0, dead: 0, cancelled: 0 };
    totals[event] += 1;
    this.#totals.set(queue, totals);
  }

  #victim(retention: Retention, now: number): Row | undefined {
    const oldestFirst = this.#rows.filter((row) => isFinished(row.state)).sort((a, b) => finishedAt(a) - finishedAt(b));
    const overdue = oldestFirst.find((row) => {
      const { ageMs, count } = limitsOf(row.state, retention);
      return finishedAt(row) + ageMs <= now || oldestFirst.filter(({ queue, state }) => queue === row.queue && state === row.state).length > count;
    });
    const weight = (queue: string): number =>
      oldestFirst.filter((row) => row.queue === queue).reduce((bytes, row) => bytes + row.payload.length + (row.result?.length ?? 0), 0);
    return overdue ?? oldestFirst.find((row) => weight(row.queue) > retention.bytes);
  }
}

function keyOf({ name, unique }: Pick<NewJob, "name" | "unique">): string {
  return JSON.stringify([name, unique?.key]);
}

function seenAs({ state, runAt }: Row, now: number): JobState {
  if (state !== "waiting" && state !== "scheduled") return state;
  return runAt <= now ? "waiting" : "scheduled";
}

function finishedAt(row: Row): number {
  return row.finishedAt ?? NaN;
}

function limitsOf(state: JobState, retention: Retention): Retention["completed"] {
  return state === "dead" ? retention.dead : retention.completed;
}
