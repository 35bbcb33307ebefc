/** What `millrace/jobs` infers, and what it refuses to compile. */

import {
  defineJob,
  defineJobs,
  exponential,
  implement,
  type InputOf,
  type Job,
  type JobContext,
  type Jobs,
  type JobSpec,
  linear,
  type ResultOf,
  transfer,
} from "millrace/jobs";
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";

interface State {
  readonly codec: { readonly encode: (text: string) => Uint8Array };
}

describe("defineJob", () => {
  it("infers payload and result from run, sync or async", () => {
    const sync = defineJob({ name: "a", run: (n: number) => String(n) });
    expectTypeOf<InputOf<typeof sync>>().toEqualTypeOf<number>();
    expectTypeOf<ResultOf<typeof sync>>().toEqualTypeOf<string>();

    const later = defineJob({ name: "a", run: async ({ path }: { path: string }) => ({ bytes: path.length }) });
    expectTypeOf<InputOf<typeof later>>().toEqualTypeOf<{ path: string }>();
    expectTypeOf<ResultOf<typeof later>>().toEqualTypeOf<{ bytes: number }>();

    const quiet = defineJob({ name: "a", run: () => undefined });
    expectTypeOf<InputOf<typeof quiet>>().toEqualTypeOf<unknown>();
    expectTypeOf<ResultOf<typeof quiet>>().toEqualTypeOf<undefined>();
  });

  it("takes the wrapper off a moved result", () => {
    const moving = defineJob({ name: "a", run: async (size: number) => transfer({ pixels: new Uint8Array(size) }, []) });
    expectTypeOf<ResultOf<typeof moving>>().toEqualTypeOf<{ pixels: Uint8Array<ArrayBuffer> }>();
  });

  it("infers the state from the context", () => {
    const job = defineJob({ name: "a", run: (text: string, ctx: JobContext<State>) => ctx.state.codec.encode(text) });
    expectTypeOf(job).toEqualTypeOf<Job<string, Uint8Array, State>>();
    // @ts-expect-error without a state of its own, a job knows nothing of it
    defineJob({ name: "a", run: (text: string, ctx) => ctx.state.codec.encode(text) });
  });

  it("takes the schema's input at enqueue and gives its output to run", () => {
    const schema = z.object({ at: z.string().transform((text) => new Date(text)), width: z.number().default(320) });
    const job = defineJob({
      name: "a",
      payload: schema,
      run: (payload, ctx) => {
        expectTypeOf(payload).toEqualTypeOf<{ at: Date; width: number }>();
        expectTypeOf(ctx.attempt).toEqualTypeOf<number>();
        return payload.at.getTime();
      },
    });
    expectTypeOf<InputOf<typeof job>>().toEqualTypeOf<{ at: string; width?: number | undefined }>();
    expectTypeOf<ResultOf<typeof job>>().toEqualTypeOf<number>();
  });

  it("refuses a payload of run that the schema does not give", () => {
    // @ts-expect-error the schema gives a number
    defineJob({ name: "a", payload: z.number(), run: (payload: string) => payload });
  });

  it("refuses unknown options and values that are no options", () => {
    // @ts-expect-error no such option
    defineJob({ name: "a", retries: 3, run: (n: number) => n });
    // @ts-expect-error a name is needed
    defineJob({ run: (n: number) => n });
    // @ts-expect-error no such unit
    defineJob({ name: "a", timeout: "30 sec", run: (n: number) => n });
    // @ts-expect-error a number or a string with a unit
    defineJob({ name: "a", timeout: "soon", run: (n: number) => n });
    // @ts-expect-error maxRetries is a number
    defineJob({ name: "a", maxRetries: "5", run: (n: number) => n });
    // @ts-expect-error made by exponential() or linear(), or a function
    defineJob({ name: "a", backoff: "exponential", run: (n: number) => n });
    // @ts-expect-error no Standard Schema
    defineJob({ name: "a", payload: { parse: (value: unknown) => value }, run: (n: number) => n });
    // @ts-expect-error run is a function
    defineJob({ name: "a", run: "run" });
  });

  it("takes all its options", () => {
    defineJob({ name: "a", queue: "images", maxRetries: Infinity, backoff: linear("5s"), timeout: "1.5m", run: (n: number) => n });
    defineJob({ name: "a", backoff: exponential({ base: 3, maxDelay: 1_000, jitter: 0 }), timeout: 500, run: (n: number) => n });
    defineJob({ name: "a", backoff: (attempt, error) => (error.name === "Busy" ? attempt * 1_000 : 0), run: (n: number) => n });
    // @ts-expect-error a backoff gives a number
    defineJob({ name: "a", backoff: () => "1s", run: (n: number) => n });
    // @ts-expect-error no such option
    exponential({ factor: 2 });
    // @ts-expect-error no such unit
    linear("5 seconds");
  });
});

describe("implement", () => {
  const spec = defineJob<{ path: string }, { bytes: number }>({ name: "a" });

  it("holds run to the spec's payload and result", () => {
    expectTypeOf(spec).toExtend<JobSpec<{ path: string }, { bytes: number }>>();
    const job = implement(spec, async ({ path }, ctx: JobContext<State>) => ({ bytes: ctx.state.codec.encode(path).length }));
    expectTypeOf<InputOf<typeof job>>().toEqualTypeOf<{ path: string }>();
    expectTypeOf<ResultOf<typeof job>>().toEqualTypeOf<{ bytes: number }>();
    implement(spec, () => transfer({ bytes: 1 }, []));
    // @ts-expect-error the spec promises bytes
    implement(spec, async ({ path }) => ({ size: path.length }));
    // @ts-expect-error the payload has no width
    implement(spec, ({ width }) => ({ bytes: width }));
  });

  it("gives run the output of the spec's schema", () => {
    const digits = z.string().transform(Number);
    const withSchema = defineJob<number, typeof digits>({ name: "a", payload: digits });
    const job = implement(withSchema, (payload) => {
      expectTypeOf(payload).toEqualTypeOf<number>();
      return payload;
    });
    expectTypeOf<InputOf<typeof job>>().toEqualTypeOf<string>();
  });
});

describe("defineJobs", () => {
  const stateless = defineJob({ name: "stateless", run: (n: number) => n });
  const stateful = defineJob({ name: "stateful", run: (text: string, ctx: JobContext<State>) => ctx.state.codec.encode(text) });
  const codec = { encode: (text: string): Uint8Array => new TextEncoder().encode(text) };

  it("takes a sync or async factory that makes what the jobs need", () => {
    const jobs = defineJobs({
      state: async ({ queue, slot, enqueue }) => {
        expectTypeOf(queue).toEqualTypeOf<string>();
        expectTypeOf(slot).toEqualTypeOf<number>();
        expectTypeOf(enqueue(stateless, 1)).resolves.toEqualTypeOf<{ readonly id: string; readonly duplicate: boolean }>();
        // @ts-expect-error the job takes a number
        void enqueue(stateless, "1");
        return { codec, more: 1 };
      },
      dispose: (state) => {
        expectTypeOf(state).toEqualTypeOf<{ codec: typeof codec; more: number }>();
      },
      jobs: [stateless, stateful],
    });
    expectTypeOf(jobs).toExtend<Jobs>();
    defineJobs({ state: () => ({ codec }), jobs: [stateful] });
    defineJobs({ jobs: [stateless] });
  });

  it("takes jobs that are defined on the spot", () => {
    const spec = defineJob<string, number>({ name: "spec" });
    defineJobs({ jobs: [implement(spec, (text) => text.length), defineJob({ name: "local", run: (n: number) => n })] });
    const jobs = [defineJob({ name: "stateful", run: (text: string, ctx: JobContext<State>) => ctx.state.codec.encode(text) })] as const;
    defineJobs({ state: () => ({ codec }), jobs });
    // @ts-expect-error nothing makes the state
    defineJobs({ jobs: [defineJob({ name: "stateful", run: (text: string, ctx: JobContext<State>) => ctx.state.codec.encode(text) })] });
  });

  it("refuses a factory that lacks what a job needs, and no factory at all", () => {
    // @ts-expect-error the state has no codec
    defineJobs({ state: () => ({ coder: codec }), jobs: [stateless, stateful] });
    // @ts-expect-error nothing makes the state
    defineJobs({ jobs: [stateful] });
  });

  it("refuses specs without run, unknown options and what are no jobs", () => {
    // @ts-expect-error it has no run function
    defineJobs({ jobs: [defineJob<number>({ name: "a" })] });
    // @ts-expect-error no such option
    defineJobs({ setup: () => 1, jobs: [stateless] });
    // @ts-expect-error jobs is needed
    defineJobs({ state: () => 1 });
    // @ts-expect-error functions are no jobs
    defineJobs({ jobs: [(n: number) => n] });
  });
});

describe("JobContext", () => {
  it("is what product.md lists, and read-only", () => {
    defineJob({
      name: "a",
      run: async (_: null, ctx: JobContext<State>) => {
        expectTypeOf(ctx.id).toEqualTypeOf<string>();
        expectTypeOf(ctx.meta).toEqualTypeOf<Readonly<Record<string, string>>>();
        expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>();
        expectTypeOf(ctx.cancelled).toEqualTypeOf<boolean>();
        expectTypeOf(ctx.snooze("5s")).toEqualTypeOf<never>();
        ctx.progress(0.5, "half");
        ctx.log.info("half", { done: 1 });
        await ctx.enqueue(stateless, 1, { delay: "5s" });
        // @ts-expect-error the job takes a number
        await ctx.enqueue(stateless, "1");
        // @ts-expect-error a job moves no buffers to another
        await ctx.enqueue(stateless, 1, { transfer: [] });
        // @ts-expect-error all of it is read-only
        ctx.attempt = 2;
        // @ts-expect-error no such unit
        ctx.snooze("5 sec");
      },
    });
    const stateless = defineJob({ name: "stateless", run: (n: number) => n });
  });
});
