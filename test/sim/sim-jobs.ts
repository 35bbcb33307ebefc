/** What the simulated jobs do: each run decides when it starts. */

import type { Job, Jobs } from "../../src/job/define-job.js";
import { defineJob } from "../../src/job/define-job.js";
import type { JobContext } from "../../src/job/job-context.js";
import { UnrecoverableError } from "../../src/errors.js";
import type { Registry } from "../../workers/registry.js";
import type { Run } from "./runs.js";
import type { SimThread } from "./sim-thread.js";

type Context = JobContext<SimThread>;

const run = (_payload: unknown, context: Context): Promise<string> => perform(context);
const JOBS = [
  defineJob({ name: "short", run }),
  defineJob({ name: "long", run }),
  defineJob({ name: "mixed", run, maxRetries: 1 }),
  defineJob({ name: "custom", run, backoff: (attempt) => [100, NaN, 0][attempt % 3] ?? 0 }),
] as const;

export const JOB_NAMES: readonly string[] = JOBS.map(({ name }) => name);
const BY_NAME: ReadonlyMap<string, Job> = new Map(JOBS.map((job) => [job.name, job]));

/** The jobs module as one thread has loaded it. Its state is the thread itself. */
export function registryOf(thread: SimThread): Registry {
  const module: Jobs = { jobs: JOBS, state: () => thread, millrace: "jobs" };
  return { jobs: BY_NAME, module };
}

export function specOf(name: string): Job | string {
  return BY_NAME.get(name) ?? name;
}

async function perform(context: Context): Promise<string> {
  const thread = context.state;
  const { world } = thread;
  const current = thread.runOf(context.id);
  world.ledger.started(current);
  if (current.timeoutMs !== null && world.strikes("spin", 0.1)) return spin(thread);
  if (current.timeoutMs !== null && world.strikes("hang", 0.1)) return hang(context, current);
  const ms = runTimeMs(context, current);
  if (world.strikes("exit")) return exit(thread, current, ms);
  if (world.strikes("dieUnanswered")) thread.dieAtAnswer(context.id);
  if (world.strikes("cooperative", 0.3)) await work(context, current, ms);
  else if (world.threads.chance(0.5)) await thread.block(ms);
  else await thread.sleep(ms);
  return end(context, current);
}

/** Blocks its thread for ever. */
async function spin(thread: SimThread): Promise<string> {
  thread.world.note("spin");
  await thread.block(Infinity);
  return "never";
}

/** Awaits what never comes. Half of the jobs listen when they are asked to stop. */
async function hang(context: Context, current: Run): Promise<string> {
  const { world } = context.state;
  world.note("hang");
  if (world.threads.chance(0.5)) return new Promise(() => undefined);
  const { signal } = context;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => context.state.enter(resolve), { once: true }));
  current.ending = "threw";
  throw signal.reason;
}

async function exit(thread: SimThread, current: Run, ms: number): Promise<string> {
  await thread.sleep(ms);
  thread.world.note("exit");
  current.guilty = true;
  thread.die(thread.world.threads.int(0, 3));
  return new Promise(() => undefined);
}

/** Works in steps, and looks up between them. */
async function work(context: Context, current: Run, ms: number): Promise<void> {
  for (let step = 1; step <= 4; step += 1) {
    await context.state.block(ms / 4);
    context.progress(step / 4);
    if (!context.cancelled) continue;
    context.state.world.note("cooperative");
    current.ending = "threw";
    context.throwIfCancelled();
  }
}

async function end(context: Context, current: Run): Promise<string> {
  const { world } = context.state;
  if (world.strikes("children", 0.1)) {
    world.note("children");
    // A child that cannot be stored fails its parent.
    current.ending = "threw";
    await context.enqueue(world.threads.pick(JOB_NAMES), "child", world.threads.chance(0.3) ? { delay: world.threads.int(1, 2_000) } : {});
  }
  if (world.strikes("failed", 0.3)) {
    world.note("failed");
    current.ending = "threw";
    throw new Error("on purpose");
  }
  if (world.strikes("unrecoverable", 0.05)) {
    world.note("unrecoverable");
    current.ending = "threw";
    throw new UnrecoverableError("on purpose");
  }
  if (world.strikes("snoozed", 0.1)) {
    world.note("snoozed");
    current.ending = "snoozed";
    context.snooze(world.threads.int(0, 5_000));
  }
  current.ending = "ok";
  return "done";
}

function runTimeMs({ name, state: { world } }: Context, { timeoutMs }: Run): number {
  const dice = world.threads;
  if (world.strikes("longRuns", 0.05)) {
    world.note("longRuns");
    return dice.chance(0.1) ? 30_000 : dice.between(5, 2_000);
  }
  const longest = world.isCalm ? (timeoutMs ?? Infinity) / 4 : Infinity;
  const isShort = name === "short" || (name !== "long" && dice.chance(0.5));
  return Math.min(isShort ? dice.between(0.005, 0.5) : dice.between(2, 200), longest);
}
