/** The jobs module of the pool suite. Every pool under test loads it. */

import { threadId } from "node:worker_threads";
import { UnrecoverableError } from "../../errors.js";
import { defineJob, defineJobs, type Job, type Jobs } from "../../job/define-job.js";
import type { EnqueueFromJob, JobContext } from "../../job/job-context.js";
import { transfer } from "../../job/transfer.js";

/** The name of the job that nobody runs: enqueueing it is how code comes to a door. */
export const AT_DOOR = "at a door";

interface State {
  readonly queue: string;
  readonly slot: number;
  /** No two states are the same. */
  readonly serial: number;
  readonly enqueue: EnqueueFromJob;
  running: number;
}

type Context = JobContext<State>;

/** What `facts` and `wait` tell. */
export interface Facts {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly attempt: number;
  readonly maxRetries: number;
  readonly meta: Readonly<Record<string, string>>;
  readonly threadId: number;
  readonly state: { readonly queue: string; readonly slot: number; readonly serial: number };
  /** How many jobs ran on the lane when this one had started. */
  readonly running: number;
}

/** What `heed` and `look` tell. */
export interface Asked {
  readonly cancelled: boolean;
  readonly aborted: boolean;
  readonly reason: string | null;
}

let serial = 0;

async function door(ctx: Context, name: string = ctx.id): Promise<void> {
  await ctx.enqueue(AT_DOOR, name);
}

function factsOf({ id, name, queue, attempt, maxRetries, meta, state }: Context): Facts {
  const { slot, running } = state;
  return { id, name, queue, attempt, maxRetries, meta, threadId, running, state: { queue: state.queue, slot, serial: state.serial } };
}

function asked({ cancelled, signal }: Context): Asked {
  const { aborted } = signal;
  return { cancelled, aborted, reason: aborted ? (signal.reason as Error).message : null };
}

/** Resolves when the job is asked to stop. */
function untilAsked({ signal }: Context): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

const never = new Promise<never>(() => undefined);

const quick: readonly Job<never, unknown, State>[] = [
  defineJob({ name: "echo", run: (payload: unknown) => payload }),
  defineJob({ name: "facts", run: (_: unknown, ctx: Context) => factsOf(ctx) }),
  defineJob({ name: "look", run: (_: unknown, ctx: Context) => asked(ctx) }),
  defineJob({
    name: "fail",
    run: (message: string) => {
      throw Object.assign(new RangeError(message), { code: "E_SUITE" });
    },
  }),
  defineJob({
    name: "fail with backoff",
    backoff: (attempt, error) => attempt * 1_000 + error.message.length,
    run: (message: string) => {
      throw new RangeError(message);
    },
  }),
  defineJob({
    name: "give up",
    run: (message: string) => {
      throw new UnrecoverableError(message);
    },
  }),
  defineJob({ name: "snooze", run: (ms: number, ctx: Context) => ctx.snooze(ms) }),
  defineJob({
    name: "log",
    run: (_: unknown, { log }: Context) => {
      log.debug("one");
      log.info("two", { n: 2 });
      log.warn("three");
      log.error("four", { deep: { list: [4] } });
    },
  }),
  defineJob({
    name: "ring",
    // It comes to the door, but does not wait there.
    run: (_: unknown, ctx: Context) => void door(ctx).catch(() => undefined),
  }),
  defineJob({ name: "hand on", run: (payload: unknown, ctx: Context) => ctx.enqueue("elsewhere", payload, { meta: { by: ctx.id } }) }),
  defineJob({ name: "give back", run: (bytes: Uint8Array<ArrayBuffer>) => transfer(bytes, [bytes.buffer]) }),
];

/** Those that come to the door of their id. */
const slow: readonly Job<never, unknown, State>[] = [
  defineJob({
    name: "wait",
    run: async (_: unknown, ctx: Context) => {
      ctx.state.running += 1;
      const facts = factsOf(ctx);
      try {
        await door(ctx);
      } finally {
        ctx.state.running -= 1;
      }
      return facts;
    },
  }),
  defineJob({
    name: "heed",
    run: async (_: unknown, ctx: Context) => {
      const wasAsked = untilAsked(ctx);
      await door(ctx);
      await wasAsked;
      return asked(ctx);
    },
  }),
  defineJob({
    name: "obey",
    run: async (_: unknown, ctx: Context) => {
      const wasAsked = untilAsked(ctx);
      await door(ctx);
      await wasAsked;
      throw new RangeError("whatever");
    },
  }),
  defineJob({
    name: "tell",
    run: async (_: unknown, ctx: Context) => {
      ctx.progress(0.25, "a quarter");
      await door(ctx);
      ctx.progress(0.75);
      await door(ctx, `${ctx.id} again`);
    },
  }),
  defineJob({
    name: "come and go",
    run: async (_: unknown, ctx: Context) => {
      await door(ctx);
      await door(ctx, `${ctx.id} again`);
    },
  }),
];

/** Those that only threads can stand. */
const harmful: readonly Job<never, unknown, State>[] = [
  defineJob({
    name: "spin",
    run: async (_: unknown, ctx: Context) => {
      await door(ctx);
      ctx.log.info("spinning");
      for (;;);
    },
  }),
  defineJob({
    name: "spin until asked",
    run: async (_: unknown, ctx: Context) => {
      await door(ctx);
      while (!ctx.cancelled);
      return true;
    },
  }),
  defineJob({ name: "exit", run: (code: number) => process.exit(code) }),
  defineJob({
    name: "crash",
    run: (message: string) => {
      process.nextTick(() => {
        throw new RangeError(message);
      });
      return never;
    },
  }),
];

/** State factories come to the door `boot <slot>`, `dispose` to `dispose <slot>`. */
const poolJobs: Jobs = defineJobs({
  state: async ({ queue, slot, enqueue }): Promise<State> => {
    await enqueue(AT_DOOR, `boot ${slot}`);
    serial += 1;
    return { queue, slot, serial, enqueue, running: 0 };
  },
  dispose: async ({ slot, enqueue }) => {
    await enqueue(AT_DOOR, `dispose ${slot}`);
  },
  jobs: [...quick, ...slow, ...harmful],
});

/** The names every lane must tell. */
export const JOB_NAMES: readonly string[] = poolJobs.jobs.map(({ name }) => name);

// A jobs module has its jobs as default export.
export { poolJobs as default };
