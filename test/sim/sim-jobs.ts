/** What the simulated jobs do: each run decides when it starts. */

import type { Job, Jobs } from "../../src/job/define-job.js";
import { defineJob } from "../../src/job/define-job.js";
import type { JobContext } from "../../src/job/job-context.js";
import { UnrecoverableError } from "../../src/errors.js";
import type { RunIdentity } from "../../src/protocol/messages.js";
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
/** Run only when all is calm. */
export const PROBE: Job<unknown, string, SimThread> = defineJob({ name: "probe", run: (_payload: unknown, context: Context): Promise<string> => probe(context) });
const PROBE_MS = 1_000;
const BY_NAME: ReadonlyMap<string, Job> = new Map([...JOBS, PROBE].map((job) => [job.name, job]));

/** The jobs module as one thread has loaded it. Its state is the thread itself. */
export function registryOf(thread: SimThread): Registry {
  const module: Jobs = { jobs: [...JOBS, PROBE], state: () => thread, millrace: "jobs" };
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
  echo(context);
  const hasDeadline = current.timeoutMs !== null;
  if (hasDeadline && world.strikes("spin", 0.1)) return spin(context);
  if (hasDeadline && world.strikes("hang", 0.1)) return hang(context, current);
  if (!hasDeadline && world.strikes("endless", 0.02)) return endless(context, current);
  const ms = runTimeMs(context, current);
  if (world.strikes("strayRunning")) strayLater(context, world.threads.between(0, ms));
  const ending = ENDINGS.find((fault) => world.strikes(fault));
  if (ending !== undefined) return endThread(context, { ending, ms });
  if (world.strikes("dieUnanswered")) thread.dieAtAnswer(context.id);
  if (world.strikes("cooperative", 0.3)) await work(context, current, ms);
  else if (world.threads.chance(0.5)) await thread.body.block(ms, whoseOf(context));
  else await thread.body.sleep(ms);
  leaveBehind(context);
  return end(context, current);
}

/** Blocks its thread for ever. */
async function spin(context: Context): Promise<string> {
  const { body, world } = context.state;
  world.note("spin");
  if (world.strikes("strayRunning", 0.2)) context.state.stray(whoseOf(context));
  await body.block(Infinity, whoseOf(context));
  return "never";
}

/** Awaits what never comes. Half of the jobs listen when they are asked to stop. */
async function hang(context: Context, current: Run): Promise<string> {
  const { world, body } = context.state;
  world.note("hang");
  if (world.strikes("strayRunning", 0.2)) strayLater(context, world.threads.between(0, 50));
  if (world.threads.chance(0.5)) return new Promise(() => undefined);
  const { signal } = context;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => body.enter(resolve), { once: true }));
  current.ending = "threw";
  throw signal.reason;
}

async function endless(context: Context, current: Run): Promise<string> {
  const { world } = context.state;
  world.note("endless");
  world.ledger.goesOnForEver(current);
  return world.threads.chance(0.3) ? spin(context) : hang(context, current);
}

const ENDINGS = ["exit", "exitUntold", "memory"] as const;

async function endThread(context: Context, { ending, ms }: { readonly ending: (typeof ENDINGS)[number]; readonly ms: number }): Promise<string> {
  const thread = context.state;
  await thread.body.sleep(ms);
  thread.world.note(ending);
  const by = whoseOf(context);
  if (ending === "memory") thread.exit({ code: 1, by, isTold: false, error: Object.assign(new Error("heap is full"), { code: "ERR_WORKER_OUT_OF_MEMORY" }) });
  else thread.exit({ code: thread.world.threads.int(0, 3), by, isTold: ending === "exit" });
  return new Promise(() => undefined);
}

/** What a run does when it is over. */
function leaveBehind(context: Context): void {
  const { world, body } = context.state;
  const later = (fault: string, happen: () => void): void => {
    if (!world.strikes(fault, world.plan.threadRate / 2)) return;
    body.later(world.threads.between(0, world.threads.pick([5, 500, 5_000])), () => {
      if (world.isCalm) return;
      world.note(fault);
      happen();
    });
  };
  const by = whoseOf(context);
  later("exitLate", () => context.state.exit({ code: 0, by, isTold: true }));
  later("blockLate", () => void body.block(world.threads.between(1, 2_000), by));
  later("strayLate", () => context.state.stray(by));
}

/** An earlier run of the same job, here, has left something behind that happens now. */
function echo(context: Context): void {
  const thread = context.state;
  const { world, body, former } = thread;
  const earlier = former.get(context.id);
  former.set(context.id, whoseOf(context));
  if (earlier === undefined || earlier.attempt === context.attempt) return;
  const soon = world.threads.between(0, 20);
  const happen = (fault: string, act: () => void): void => {
    if (!world.strikes(fault, 0.2)) return;
    body.later(soon, () => {
      world.note(`${fault}, of an earlier run of a job that runs`);
      act();
    });
  };
  happen("strayLate", () => thread.stray(earlier));
  happen("exitLate", () => thread.exit({ code: 0, by: earlier, isTold: true }));
}

function strayLater(context: Context, ms: number): void {
  const { world, body } = context.state;
  body.later(ms, () => {
    world.note("strayRunning");
    context.state.stray(whoseOf(context));
  });
}

function whoseOf({ id, name, attempt, meta }: Context): RunIdentity {
  return { id, name, attempt, meta };
}

/** Shows that its thread takes jobs. */
async function probe(context: Context): Promise<string> {
  const thread = context.state;
  const current = thread.runOf(context.id);
  thread.world.ledger.started(current);
  thread.world.probes.count(thread, 1);
  await thread.body.sleep(PROBE_MS);
  thread.world.probes.count(thread, -1);
  current.ending = "ok";
  return "done";
}

/** Works in steps, and looks up between them. */
async function work(context: Context, current: Run, ms: number): Promise<void> {
  for (let step = 1; step <= 4; step += 1) {
    await context.state.body.block(ms / 4, whoseOf(context));
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
