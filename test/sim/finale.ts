/** The end of a simulated run: the faults stop, and then everything must come to rest, and to its end. */

import { isFinished, type JobId, type JobRow } from "../../src/job/job-record.js";
import { checkCounts } from "./counts.js";
import type { JobFacts } from "./ledger.js";
import type { Life, Lives } from "./life.js";
import { JOB_NAMES, PROBE } from "./sim-jobs.js";
import type { Workload } from "./workload.js";

/**
 * What may be under way when the faults stop, one after the other: a storage call that hangs, a start that must be tried again,
 * threads that wait for their next boot, a job that runs for long, and a write that must be repeated.
 */
const RECOVERY_MS = 300_000;
const REST_MS = 3_600_000;
const ROUNDS = 200;

export async function finale(lives: Lives, workload: Workload): Promise<void> {
  const { ledger } = lives.world;
  const acts = [calmDown, untilDone, drained, allThreadsWork, rest, (): void => checkResults(lives, workload), stopAll, compare];
  for (const act of acts) {
    await act(lives);
    if (ledger.violations.length > 0) return;
  }
}

async function calmDown(lives: Lives): Promise<void> {
  const { world } = lives;
  world.isCalm = true;
  world.trace.write("the faults stop");
  for (const { flaky } of lives.all) flaky.calm();
  for (const life of lives.all) {
    if (life !== lives.current && life.phase === "running") void lives.stop(life, 1_000);
  }
  await oneRuns(lives);
}

/** Nothing is paused any more, and nothing is enqueued again and again: also not by a call that came late. */
async function quieten(lives: Lives): Promise<void> {
  const { paused, schedules } = await lives.storage.settings();
  for (const { name } of schedules) await lives.storage.removeSchedule(name);
  for (const queue of paused) await within(lives, lives.current.engine.resume(queue));
}

/** Goes on until an engine runs the jobs. */
async function oneRuns(lives: Lives): Promise<void> {
  const { time, ledger } = lives.world;
  const { current } = lives;
  await time.run(time.monotonic + RECOVERY_MS, () => lives.current.phase === "running" || lives.current.phase === "stopped");
  if (lives.current.phase === "stopped" && lives.current === current) lives.replace();
  await time.run(time.monotonic + RECOVERY_MS, () => lives.current.phase === "running");
  if (lives.current.phase !== "running") ledger.violate(15, `${lives.current.tag} cannot start, though there are no faults`);
}

/** Lets time go on until a call has settled. */
async function within<Value>({ world: { time } }: Lives, call: Promise<Value>): Promise<Value> {
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  call.then(over, over);
  await time.run(time.monotonic + RECOVERY_MS, () => isOver);
  return call;
}

/** Goes on until no job is left that could run, or too much time has passed. */
async function untilDone(lives: Lives): Promise<void> {
  const { time, ledger } = lives.world;
  let limit = time.monotonic + RECOVERY_MS;
  let isNudged = !mayHaveMissed(lives);
  for (let round = 0; round < ROUNDS && ledger.violations.length === 0; round += 1) {
    await quieten(lives);
    cancelEndless(lives);
    const left = await unfinished(lives);
    if (left.length === 0) return;
    const lastDueInMs = Math.max(...left.map(({ row }) => row.runAt - time.wall));
    if (lastDueInMs > 0) limit = Math.max(limit, time.monotonic + lastDueInMs + RECOVERY_MS);
    if (time.monotonic >= limit) {
      if (isNudged) break;
      isNudged = true;
      limit = time.monotonic + RECOVERY_MS;
      nudge(lives);
    }
    const stepMs = 1_000 * 1.5 ** Math.min(round, 30);
    await time.run(Math.min(time.monotonic + stepMs, limit), () => ledger.violations.length > 0);
  }
  const names = (await unfinished(lives)).map(({ facts, row }) => `${facts.alias} (${row.state})`);
  if (names.length > 0) ledger.violate(15, `long after the last fault these ${names.length} have not ended: ${names.slice(0, 8).join(", ")}`);
}

/** Nothing but a cancel ends them. */
function cancelEndless({ world: { ledger }, current }: Lives): void {
  for (const id of ledger.endless) void current.engine.cancel(id).catch(() => undefined);
}

/** Jobs that an engine should run, or has forgotten. */
async function unfinished({ world, storage }: Lives): Promise<{ readonly facts: JobFacts; readonly row: JobRow }[]> {
  const open = [...world.ledger.jobs].filter(([, { state, job }]) => state !== "removed" && !isFinished(state) && canRun(world.plan.queues, job));
  const rows = await storage.get(open.map(([id]) => id), world.time.wall);
  return open.flatMap(([, facts], index) => {
    const row = rows[index];
    if (row === undefined) world.ledger.violate(2, `${facts.alias} was ${facts.state} and is not stored any more`);
    return row === undefined ? [] : [{ facts, row }];
  });
}

function canRun(queues: Readonly<Record<string, { readonly threads: number }>>, job: JobFacts["job"]): boolean {
  return [...JOB_NAMES, PROBE.name].includes(job.name) && queues[job.queue]?.threads !== 0;
}

/** Whether the engine could not know that there is work: somebody else stored it, and the notification got lost. */
function mayHaveMissed({ all, current }: Lives): boolean {
  const { loseNotification } = current.flaky.faults;
  return loseNotification > 0 && all.some(({ flaky }) => flaky !== current.flaky || flaky.faults.late > 0);
}

/** Gives the engine a reason to look. */
function nudge({ world, current }: Lives): void {
  world.note("nudges");
  world.trace.write("a nudge");
  for (const queue of new Set([...world.ledger.jobs.values()].map(({ job }) => job.queue))) {
    void current.engine.enqueue("short", "nudge", { queue }).catch(() => undefined);
  }
}

/** With nothing left to do, `drain` says so. */
async function drained(lives: Lives): Promise<void> {
  const { time, ledger } = lives.world;
  let isDrained = false;
  const { engine } = lives.current;
  // The first may fail because of a call that hung when the faults stopped.
  engine
    .drain()
    .catch(() => engine.drain())
    .then(
      () => (isDrained = true),
      (error: unknown) => ledger.violate(15, `drain rejected: ${String(error)}`),
    );
  await time.run(time.monotonic + 60_000, () => isDrained);
  if (!isDrained) ledger.violate(15, "drain does not resolve, though nothing is left to do");
}

/** No lane is kept for suspects any more, and whatever was to be replaced has been: as many jobs as fit take all threads. */
async function allThreadsWork(lives: Lives): Promise<void> {
  const { world, current } = lives;
  const { time, ledger, plan, probes } = world;
  const ofEach = Object.entries(plan.queues);
  // What hung when it booted is booted again, and what came late is over.
  await time.run(time.monotonic + RECOVERY_MS, () => false);
  await quieten(lives);
  for (const [queue, { threads, concurrency }] of ofEach) {
    if (threads > 0) await within(lives, current.engine.enqueueMany(PROBE, new Array(threads * concurrency).fill("probe"), { queue, timeout: 60_000 }));
  }
  const areAllBusy = (): boolean => ofEach.every(([queue, { threads }]) => probes.most(queue) === threads);
  await time.run(time.monotonic + RECOVERY_MS, areAllBusy);
  world.note("threads that work at the end", ofEach.reduce((sum, [queue]) => sum + probes.most(queue), 0));
  if (!areAllBusy()) {
    const counts = ofEach.map(([queue, { threads }]) => `${probes.most(queue)} of ${threads} in ${queue}`).join(", ");
    ledger.violate(15, `long after the last fault not all threads take jobs: ${counts}`);
  }
  await untilDone(lives);
}

async function rest(lives: Lives): Promise<void> {
  const { time, ledger } = lives.world;
  // What hung when the faults stopped comes to its end first.
  await time.run(time.monotonic + RECOVERY_MS, () => false);
  await quieten(lives);
  const stepsBefore = time.steps;
  await time.run(time.monotonic + REST_MS, () => ledger.violations.length > 0);
  const steps = time.steps - stepsBefore;
  if (steps > lives.stepsAtRest) ledger.violate(21, `the idle engine did ${steps} things within an hour`);
  lives.checkAllPending();
}

function checkResults(lives: Lives, { awaiting }: Workload): void {
  const { ledger } = lives.world;
  for (const { id, life, isOver } of awaiting) {
    if (isOver || life.phase === "crashed" || !hasEnded(ledger.jobs, id)) continue;
    if (life.flaky.faults.loseNotification > 0 && lives.all.length > 1) continue;
    ledger.violate(15, `${life.tag} never told whoever awaits ${ledger.alias(id)}, which is ${ledger.jobs.get(id)?.state ?? "unknown"}`);
  }
}

function hasEnded(jobs: ReadonlyMap<JobId, JobFacts>, id: JobId): boolean {
  const facts = jobs.get(id);
  return facts === undefined || facts.state === "removed" || isFinished(facts.state);
}

async function stopAll(lives: Lives): Promise<void> {
  const { world, all } = lives;
  const { time, ledger } = world;
  const stops = all.filter(({ phase }) => phase !== "crashed").map((life) => lives.stop(life, 1_000));
  let isOver = false;
  void Promise.all(stops).then(() => (isOver = true));
  await time.run(time.monotonic + RECOVERY_MS, () => isOver);
  if (!isOver) ledger.violate(19, "stop does not resolve");
  await time.run(time.monotonic + RECOVERY_MS, () => false);
  lives.checkAllPending();
  const endings = all.filter(isLeft);
  for (const { tag, clock } of endings) ledger.violate(19, `${tag} has stopped and still has ${clock.timers} timers`);
}

function isLeft({ phase, clock }: Life): boolean {
  return phase === "stopped" && (clock.timers > 0 || clock.holds > 0);
}

/** Whether the storage and the ledger agree. */
async function compare({ world, storage }: Lives): Promise<void> {
  const { ledger, time } = world;
  const { jobs } = await storage.list({ limit: 1e6, now: time.wall });
  const rows = new Map(jobs.map((row) => [row.id, row]));
  for (const [id, { alias, state, fence, attempt }] of ledger.jobs) {
    const row = rows.get(id);
    if (row === undefined) {
      if (state !== "removed" && !isFinished(state)) ledger.violate(2, `${alias} was ${state} and is not stored any more`);
      continue;
    }
    const isOpen = !isFinished(row.state) && row.state !== "running";
    const isStateRight = row.state === state || (isOpen && state !== "removed" && !isFinished(state) && state !== "running");
    if (!isStateRight) ledger.violate(6, `${alias} is stored as ${row.state}, but is ${state}`);
    if (row.fence !== fence || row.attempt !== attempt) {
      ledger.violate(6, `${alias} is stored with fence ${row.fence} and attempt ${row.attempt}, but has ${fence} and ${attempt}`);
    }
    if (row.state === "running") ledger.violate(19, `${alias} still runs, but no engine does`);
  }
  checkCounts(ledger, jobs, await storage.count(time.wall));
}
