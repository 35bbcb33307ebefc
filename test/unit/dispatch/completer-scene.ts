import { Completer, type Settlement } from "../../../src/dispatch/completer.js";
import type { ClaimedJob, JobId, JobRow } from "../../../src/job/job-record.js";
import { nextTransition, type Transition } from "../../../src/job/lifecycle.js";
import { type ManualClock, manualClock } from "../../../src/testing/manual-clock.js";
import { claimed, ok } from "../sample-job.js";

export type Complete = (transitions: readonly Transition[]) => Promise<readonly boolean[]>;

export function settlement(job: ClaimedJob): Settlement {
  const outcome = ok();
  const transition = nextTransition(job, outcome, { now: 5, random: 0, cancelRequested: false, progress: null });
  return { job, outcome, transition, rescued: false };
}

/** A completer on a storage that the test plays, and what came of it. */
export class Scene {
  readonly clock: ManualClock = manualClock();
  readonly writes: (readonly JobId[])[] = [];
  readonly writeTimes: number[] = [];
  readonly settled: JobId[] = [];
  readonly refused: JobId[] = [];
  readonly errors: unknown[] = [];
  complete: Complete = (transitions) => Promise.resolve(transitions.map(() => true));
  get: (ids: readonly JobId[]) => Promise<readonly (JobRow | undefined)[]> = (ids) => Promise.resolve(ids.map(() => undefined));
  readonly completer: Completer = new Completer({
    clock: this.clock,
    storage: {
      complete: (transitions) => {
        this.writes.push(transitions.map(({ id }) => id));
        this.writeTimes.push(this.clock.monotonic());
        return this.complete(transitions);
      },
      get: (ids) => this.get(ids),
    },
    onSettled: ({ job }) => this.settled.push(job.id),
    onRefused: ({ job }) => this.refused.push(job.id),
    onError: (error) => this.errors.push(error),
  });

  add(...ids: readonly JobId[]): void {
    for (const id of ids) this.completer.add(settlement(claimed({ id })));
  }
}

export function down(): Promise<never> {
  return Promise.reject(new Error("down"));
}
