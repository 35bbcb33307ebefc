/** What must hold of every job, whatever happened around it. */

import type { JobRecord, Recording } from "./record.js";

/** @returns what is wrong, in words; nothing if all is well */
export function judge({ jobs, unhealthy }: Recording): readonly string[] {
  const wrong: string[] = [];
  for (const [id, job] of jobs) {
    for (const text of wrongsOf(job)) wrong.push(`${job.kind} in "${job.queue}" (${id}): ${text}`);
  }
  wrong.push(...wrongsOfChildren([...jobs.values()]));
  wrong.push(...unhealthy.map((text) => `unhealthy: ${text}`));
  return wrong;
}

function wrongsOf(job: JobRecord): readonly string[] {
  const { state, attempts } = job.expected ?? { state: "completed", attempts: 1 };
  const began = sum(job.began);
  const ended = sum(job.ended);
  const checks: readonly (readonly [holds: boolean, text: string])[] = [
    [job.ends.length === 1 && job.ends[0] === state, `ended as [${job.ends.join(", ")}] instead of once as ${state}`],
    [job.attempts === attempts || isCancelledForFree(job), `was charged with ${job.attempts} runs instead of ${attempts}`],
    [allBegan(job, attempts), `runs began as attempts ${[...job.began.keys()].join(", ")} instead of 1 to ${attempts}`],
    // A run that is given back may not have begun yet.
    [began >= attempts && began <= attempts + job.free, `began ${began} times, with ${attempts} runs charged and ${job.free} given back`],
    [began <= job.handed, `began ${began} times, but was handed to a thread ${job.handed} times`],
    // One that ended may be given back if its thread ends before its answer is on its way.
    [state !== "completed" || (ended >= 1 && ended <= 1 + job.free), `ran to its end ${ended} times, with ${job.free} runs given back`],
    [state === "completed" || ended === 0, `ran to its end ${ended} times`],
    [[...job.said].every((index) => index === job.index), `has lines or progress of others: ${[...job.said].join(", ")} instead of ${job.index ?? "none"}`],
    [job.lateErrors <= (job.isLate ? 1 + job.free : 0), `has ${job.lateErrors} late errors`],
  ];
  return checks.filter(([holds]) => !holds).map(([, text]) => text);
}

/** Its thread ended by somebody else's fault while it was asked to stop. */
function isCancelledForFree({ ends, attempts }: JobRecord): boolean {
  return ends[0] === "cancelled" && attempts === 0;
}

function allBegan({ began }: JobRecord, attempts: number): boolean {
  const all = [...began.keys()];
  return all.length === attempts && all.every((attempt) => attempt >= 1 && attempt <= attempts);
}

/** A parent enqueues a child in each of its runs, unless it is interrupted before. */
function wrongsOfChildren(jobs: readonly JobRecord[]): readonly string[] {
  const parents = jobs.filter(({ kind }) => kind === "parent");
  const children = jobs.filter(({ kind }) => kind === "child").length;
  const least = parents.length;
  const most = parents.reduce((runs, { began }) => runs + sum(began), 0);
  return children >= least && children <= most ? [] : [`${parents.length} parents with ${most} runs have ${children} children`];
}

export function sum(counts: ReadonlyMap<number, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}
