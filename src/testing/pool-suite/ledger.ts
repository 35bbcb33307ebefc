import type { Death, JobAnswer, Lane, PoolListener, ProgressStep, StrayError } from "../../dispatch/pool.js";
import type { LogLine } from "../../job/job-context.js";
import type { ClaimedJob, JobId } from "../../job/job-record.js";
import { Watch } from "./watch.js";

type Whereabouts = "on its lane" | "answered" | "taken back" | "lost with its lane";

interface Sent {
  readonly lane: Lane;
  where: Whereabouts;
}

/** Hears what a pool tells, and holds every word of it against what was sent. What it finds wrong is in `problems`. */
export class Ledger implements PoolListener {
  readonly #watch = new Watch();
  readonly #sent = new Map<JobId, Sent>();
  readonly #gone = new Set<Lane>();
  readonly #retired = new Set<Lane>();
  #isOver = false;
  /** Those that live, in the order they got ready. */
  readonly lanes: Lane[] = [];
  /** Every lane there ever was. */
  readonly allLanes: Lane[] = [];
  readonly answers: (JobAnswer & { readonly lane: Lane })[] = [];
  readonly #lastAnswers = new Map<JobId, JobAnswer & { readonly lane: Lane }>();
  readonly progress: ProgressStep[] = [];
  readonly logs: { readonly id: JobId; readonly line: LogLine }[] = [];
  readonly deaths: { readonly lane: Lane; readonly death: Death }[] = [];
  readonly strays: (StrayError & { readonly lane: Lane })[] = [];
  readonly highs: Lane[] = [];
  /** Threads, in the order in which they were told. */
  readonly leaks: number[] = [];
  readonly bootErrors: Error[] = [];
  /** How the pool broke its contract. */
  readonly problems: string[] = [];

  send(lane: Lane, jobs: readonly ClaimedJob[]): void {
    for (const { id } of jobs) this.#sent.set(id, { lane, where: "on its lane" });
    lane.send(jobs);
  }

  takeBack(lane: Lane, ids: readonly JobId[]): readonly JobId[] {
    const taken = lane.takeBack(ids);
    for (const id of taken) {
      if (!ids.includes(id)) this.problems.push(`${id} was taken back though nobody asked for it`);
      this.#move(id, { lane, to: "taken back" });
    }
    return taken;
  }

  /** Nothing is sent to it from now on. */
  retire(lane: Lane): void {
    this.#retired.add(lane);
    lane.retire();
  }

  /** From now on nothing may be told. */
  close(): void {
    this.#isOver = true;
  }

  where(id: JobId): Whereabouts | undefined {
    return this.#sent.get(id)?.where;
  }

  // What the pool tells.

  ready(lane: Lane): void {
    this.#hear("ready");
    if (this.allLanes.includes(lane)) this.problems.push(`lane ${lane.thread} got ready twice`);
    if (this.#staying(lane.thread) !== undefined) this.problems.push(`there are two lanes ${lane.thread}`);
    this.lanes.push(lane);
    this.allLanes.push(lane);
    this.#watch.changed();
  }

  answered(lane: Lane, answer: JobAnswer): void {
    this.#hear(`the answer of ${answer.id}`);
    this.#move(answer.id, { lane, to: "answered" });
    this.answers.push({ ...answer, lane });
    this.#lastAnswers.set(answer.id, { ...answer, lane });
    this.#watch.changed();
  }

  progressed(lane: Lane, step: ProgressStep): void {
    this.#hear(`progress of ${step.id}`);
    this.#requirePresent(lane, { id: step.id, what: "progress" });
    this.progress.push(step);
    this.#watch.changed();
  }

  logged(lane: Lane, id: JobId, line: LogLine): void {
    this.#hear(`a line of ${id}`);
    this.#requirePresent(lane, { id, what: "a line" });
    this.logs.push({ id, line });
    this.#watch.changed();
  }

  gone(lane: Lane, death: Death): void {
    this.#hear("gone");
    if (this.#gone.has(lane)) this.problems.push(`lane ${lane.thread} went twice`);
    this.#gone.add(lane);
    const index = this.lanes.indexOf(lane);
    if (index < 0) this.problems.push(`lane ${lane.thread} went though it was not there`);
    else this.lanes.splice(index, 1);
    for (const id of [...death.started, ...death.unstarted]) this.#move(id, { lane, to: "lost with its lane" });
    for (const [id, sent] of this.#sent) {
      if (sent.lane === lane && sent.where === "on its lane") this.problems.push(`${id} was on lane ${lane.thread}, and nobody knows what became of it`);
    }
    this.deaths.push({ lane, death });
    this.#watch.changed();
  }

  strayed(lane: Lane, stray: StrayError): void {
    this.#hear("a stray error");
    this.#requireLive(lane, "a stray error");
    this.strays.push({ ...stray, lane });
    this.#watch.changed();
  }

  heapHigh(lane: Lane): void {
    this.#hear("a full heap");
    this.#requireLive(lane, "a full heap");
    this.highs.push(lane);
    this.#watch.changed();
  }

  leaked(thread: number): void {
    this.#hear("a leak");
    const wasReplaced = [...this.#retired].some((lane) => lane.thread === thread && this.#gone.has(lane));
    if (!wasReplaced && this.lanes.some((lane) => lane.thread === thread)) this.problems.push(`thread ${thread} leaked while its lane lives`);
    this.leaks.push(thread);
    this.#watch.changed();
  }

  bootFailed(error: Error): void {
    this.#hear("a failed boot");
    this.bootErrors.push(error);
    this.#watch.changed();
  }

  // Waiting for it.

  until<Value>(what: string, find: () => Value | undefined): Promise<Value> {
    return this.#watch.until(what, find);
  }

  /** The last answer of this job. */
  answer(id: JobId): Promise<JobAnswer & { readonly lane: Lane }> {
    return this.until(`the answer of ${id}`, () => this.#lastAnswers.get(id));
  }

  lane(thread: number): Promise<Lane> {
    return this.until(`lane ${thread}`, () => this.#staying(thread));
  }

  death(lane: Lane): Promise<Death> {
    return this.until(`lane ${lane.thread} to go`, () => this.deaths.find((gone) => gone.lane === lane)?.death);
  }

  #staying(thread: number): Lane | undefined {
    return this.lanes.find((lane) => lane.thread === thread && !this.#retired.has(lane));
  }

  #hear(what: string): void {
    if (this.#isOver) this.problems.push(`${what} was told after the end`);
  }

  #requireLive(lane: Lane, what: string): void {
    if (!this.lanes.includes(lane)) this.problems.push(`${what} came from lane ${lane.thread}, which is not there`);
  }

  #requirePresent(lane: Lane, { id, what }: { readonly id: JobId; readonly what: string }): void {
    const sent = this.#sent.get(id);
    if (sent?.where !== "on its lane") this.problems.push(`${what} came from ${id}, which was ${sent?.where ?? "never sent"}`);
    else if (sent.lane !== lane) this.problems.push(`${what} came from ${id}, which was never sent to this lane ${lane.thread}`);
  }

  #move(id: JobId, { lane, to }: { readonly lane: Lane; readonly to: Whereabouts }): void {
    const sent = this.#sent.get(id);
    if (sent?.lane !== lane) this.problems.push(`${id} was ${to}, but never sent to this lane ${lane.thread}`);
    else if (sent.where !== "on its lane") this.problems.push(`${id} was ${to}, but had been ${sent.where} before`);
    if (to === "answered" && this.#gone.has(lane)) this.problems.push(`${id} was answered after its lane had gone`);
    if (sent !== undefined) sent.where = to;
  }
}
