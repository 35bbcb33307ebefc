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

interface Plan {
  readonly lane: Lane;
  readonly jobs: ClaimedJob[];
  load: LaneLoad;
}

/** Gives each job, in order, to the lane that holds least of those it fits. */
export function planFrames(input: {
  readonly jobs: readonly ClaimedJob[];
  readonly lanes: readonly Lane[];
  readonly flights: Flights;
  readonly capacity: Capacity;
}): FramePlan {
  const { jobs, lanes, flights, capacity } = input;
  const plans = lanes.map((lane): Plan => ({ lane, jobs: [], load: flights.load(lane) }));
  const rest: ClaimedJob[] = [];
  for (const job of jobs) {
    const plan = leastLoaded(plans.filter(({ load }) => capacity.fits(load, job.name)));
    if (plan === undefined) {
      rest.push(job);
      continue;
    }
    const { count, heldMs, room } = plan.load;
    plan.jobs.push(job);
    plan.load = { count: count + 1, heldMs: heldMs + capacity.estimateMs(job.name), room: room - 1 };
  }
  const used = plans.filter((plan) => plan.jobs.length > 0);
  return { frames: used.map(({ lane, jobs: frame }) => [lane, frame] as const), rest };
}

function leastLoaded(plans: readonly Plan[]): Plan | undefined {
  let least = plans[0];
  for (const plan of plans) {
    if (least === undefined) break;
    const isLess = plan.load.count === least.load.count ? plan.load.heldMs < least.load.heldMs : plan.load.count < least.load.count;
    if (isLess) least = plan;
  }
  return least;
}
