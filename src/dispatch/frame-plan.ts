/** Which job goes to which lane. */

import type { ClaimedJob } from "../job/job-record.js";
import type { Capacity, LaneLoad } from "./capacity.js";
import type { Flights } from "./flights.js";
import type { Lane } from "./pool.js";

interface FramePlan {
  readonly frames: readonly (readonly [Lane, readonly ClaimedJob[]])[];
  /** What fits no lane now. */
  readonly rest: readonly ClaimedJob[];
}

/** What a lane holds, and is to get. */
interface Plan extends LaneLoad {
  readonly lane: Lane;
  readonly jobs: ClaimedJob[];
  count: number;
  heldMs: number;
  room: number;
}

/** Gives each job, in order, to the lane that holds least of those it fits. */
export function planFrames(input: {
  readonly jobs: readonly ClaimedJob[];
  readonly lanes: readonly Lane[];
  readonly flights: Flights;
  readonly capacity: Capacity;
}): FramePlan {
  const { jobs, lanes, flights, capacity } = input;
  const plans = lanes.map((lane): Plan => ({ lane, jobs: [], ...flights.load(lane) }));
  const rest: ClaimedJob[] = [];
  for (const job of jobs) {
    const plan = leastLoaded(plans, (load) => capacity.fits(load, job.name));
    if (plan === undefined) {
      rest.push(job);
      continue;
    }
    plan.jobs.push(job);
    plan.count += 1;
    plan.heldMs += capacity.estimateMs(job.name);
    plan.room -= 1;
  }
  const used = plans.filter((plan) => plan.jobs.length > 0);
  return { frames: used.map(({ lane, jobs: frame }) => [lane, frame] as const), rest };
}

function leastLoaded(plans: readonly Plan[], fits: (load: LaneLoad) => boolean): Plan | undefined {
  let least: Plan | undefined;
  for (const plan of plans) {
    if (!fits(plan)) continue;
    if (least === undefined || isLess(plan, least)) least = plan;
  }
  return least;
}

function isLess(a: LaneLoad, b: LaneLoad): boolean {
  return a.count === b.count ? a.heldMs < b.heldMs : a.count < b.count;
}
