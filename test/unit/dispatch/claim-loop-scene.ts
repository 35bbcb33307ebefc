import { ClaimLoop, type ClaimLoopDeps } from "../../../src/dispatch/claim-loop.js";
import type { ClaimedJob, JobId, JobRow } from "../../../src/job/job-record.js";
import type { ClaimRequest, Claim as HeldClaim, ReclaimRequest } from "../../../src/storage/storage.js";
import { type ManualClock, manualClock } from "../../../src/testing/manual-clock.js";
import { claimed } from "../sample-job.js";

export type Claim = (request: ClaimRequest) => Promise<readonly ClaimedJob[]>;

/** A claim loop on a storage that the test plays, and what came of it. */
export class Scene {
  readonly clock: ManualClock = manualClock();
  readonly claims: ClaimRequest[] = [];
  readonly claimTimes: number[] = [];
  readonly reclaims: ReclaimRequest[] = [];
  readonly got: JobId[] = [];
  readonly errors: unknown[] = [];
  readonly reclaimed: JobId[] = [];
  idles = 0;
  clockBacks = 0;
  capacity = 10;
  held: HeldClaim[] = [];
  claim: Claim = () => Promise.resolve([]);
  reclaim: () => Promise<readonly JobRow[]> = () => Promise.resolve([]);
  onClaimed: ClaimLoopDeps["onClaimed"] = () => undefined;
  readonly loop: ClaimLoop = new ClaimLoop({
    ...{ queue: "q", runner: "me", clock: this.clock },
    onClockBack: () => (this.clockBacks += 1),
    storage: {
      claim: (request) => {
        this.claims.push(request);
        this.claimTimes.push(this.clock.monotonic());
        return this.claim(request);
      },
      reclaim: (request) => {
        this.reclaims.push(request);
        return this.reclaim();
      },
    },
    capacity: () => this.capacity,
    names: () => ["a", "b"],
    held: () => this.held,
    onClaimed: (jobs) => {
      this.got.push(...jobs.map(({ id }) => id));
      this.onClaimed(jobs);
    },
    onReclaimed: (jobs) => void this.reclaimed.push(...jobs.map(({ id }) => id)),
    onError: (error) => this.errors.push(error),
    onIdle: () => (this.idles += 1),
  });
}

export function jobs(...ids: readonly JobId[]): readonly ClaimedJob[] {
  return ids.map((id) => claimed({ id }));
}

/** Answers one claim after the other. */
export function answers(...lists: readonly (readonly JobId[])[]): Claim {
  let index = 0;
  return () => Promise.resolve(jobs(...(lists[index++] ?? [])));
}
