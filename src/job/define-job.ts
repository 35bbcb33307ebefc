import type { StandardSchemaV1 } from "@standard-schema/spec";
import { OptionsError } from "../errors.js";
import { type Backoff, type CustomBackoff, isBackoff } from "./backoff.js";
import { type Duration, parseDuration, show } from "./duration.js";
import type { JobContext, StateContext } from "./job-context.js";
import { rejectUnknownKeys, requireCount, requireFunction, requireName, requireObject } from "./options.js";
import type { Transferred } from "./transfer.js";

/** Carries types only; no such property exists. */
declare const types: unique symbol;

/** What the enqueuing side knows of a job: its name, its policy and its types. Made by `defineJob` without `run`. */
export interface JobSpec<Input = never, Result = unknown, Payload = unknown> {
  readonly name: string;
  readonly queue?: string;
  readonly maxRetries?: number;
  readonly backoff?: Backoff | CustomBackoff;
  readonly timeoutMs?: number;
  readonly schema?: StandardSchemaV1;
  readonly [types]?: { readonly input: (input: Input) => void; readonly result: Result; readonly payload: Payload };
}

/** A job that can run. Made by `defineJob` with `run`, or by `implement`. */
export interface Job<Input = never, Result = unknown, State = never> extends JobSpec<Input, Result> {
  readonly run: (payload: never, context: JobContext<State>) => unknown;
}

/** What `enqueue` takes as payload for a job. */
export type InputOf<Spec> = Spec extends JobSpec<infer Input> ? Input : never;
/** What `result()` gives for a job. */
export type ResultOf<Spec> = Spec extends JobSpec<never, infer Result> ? Result : never;

/** What a run function of this return type gives to whoever awaits the result. */
export type Returned<Value> = Awaited<Value> extends Transferred<infer Inner> ? Inner : Awaited<Value>;

/** The policy of a job. */
export interface JobOptions {
  /** Unique within the jobs module. */
  readonly name: string;
  /** Default `"default"`. */
  readonly queue?: string;
  /** Retries after the first run: n retries are n + 1 runs. `Infinity` is allowed. Default 5. */
  readonly maxRetries?: number;
  /** Default `exponential()`. */
  readonly backoff?: Backoff | CustomBackoff;
  /** The longest a run may take, counted from its start. Default: the queue's, else none. */
  readonly timeout?: Duration;
}

/**
 * Defines a job. With `run` it is complete; without, it is a spec that `implement` completes in the threads' module, so
 * that the server need not load what the job needs.
 *
 * @throws OptionsError
 * @example
 * const square = defineJob({ name: "square", run: (n: number) => n * n });
 */
export function defineJob<Schema extends StandardSchemaV1, Value, State = unknown>(
  options: JobOptions & {
    readonly payload: Schema;
    readonly run: (payload: StandardSchemaV1.InferOutput<Schema>, context: JobContext<State>) => Value;
  },
): Job<StandardSchemaV1.InferInput<Schema>, Returned<Value>, NoInfer<State>>;
export function defineJob<Payload, Value, State = unknown>(
  options: JobOptions & {
    readonly payload?: undefined;
    readonly run: (payload: Payload, context: JobContext<State>) => Value;
  },
): Job<Payload, Returned<Value>, NoInfer<State>>;
export function defineJob<Result = unknown, Schema extends StandardSchemaV1 = StandardSchemaV1>(
  options: JobOptions & { readonly payload: Schema; readonly run?: undefined },
): JobSpec<StandardSchemaV1.InferInput<Schema>, Result, StandardSchemaV1.InferOutput<Schema>>;
export function defineJob<Payload, Result = unknown>(
  options: JobOptions & { readonly payload?: undefined; readonly run?: undefined },
): JobSpec<Payload, Result, Payload>;
export function defineJob(
  options: JobOptions & { readonly payload?: StandardSchemaV1 | undefined; readonly run?: Job["run"] | undefined },
): JobSpec | Job {
  rejectUnknownKeys(options, ["name", "queue", "maxRetries", "backoff", "timeout", "payload", "run"], "defineJob");
  const { name, queue, maxRetries, backoff, timeout, payload, run } = options;
  requireName(name, "name");
  if (queue !== undefined) requireName(queue, `queue of job ${show(name)}`);
  if (maxRetries !== undefined) requireCount(maxRetries, `maxRetries of job ${show(name)}`);
  if (backoff !== undefined && typeof backoff !== "function" && !isBackoff(backoff)) {
    throw new OptionsError(`backoff of job ${show(name)} must come from exponential() or linear(), or be a function`);
  }
  if (payload !== undefined && !isStandardSchema(payload)) {
    throw new OptionsError(`payload of job ${show(name)} must be a Standard Schema, but is ${show(payload)}`);
  }
  if (run !== undefined) requireFunction(run, `run of job ${show(name)}`);
  return Object.freeze({
    name,
    ...(queue === undefined ? {} : { queue }),
    ...(maxRetries === undefined ? {} : { maxRetries }),
    ...(backoff === undefined ? {} : { backoff }),
    ...(timeout === undefined ? {} : { timeoutMs: parseDuration(timeout, `timeout of job ${show(name)}`, { minMs: 1 }) }),
    ...(payload === undefined ? {} : { schema: payload }),
    ...(run === undefined ? {} : { run }),
  });
}

/**
 * Completes a spec with the function that runs it.
 *
 * @example
 * export const thumbnail = implement(thumbnailSpec, async (payload, ctx) => { … });
 */
export function implement<Input, Result, Payload, State = unknown>(
  spec: JobSpec<Input, Result, Payload>,
  run: (payload: Payload, context: JobContext<State>) => Result | Transferred<Result> | Promise<Result | Transferred<Result>>,
): Job<Input, Result, NoInfer<State>> {
  requireObject(spec, "implement");
  requireName(spec.name, "the name of the job");
  requireFunction(run, `run of job ${show(spec.name)}`);
  return Object.freeze({ ...spec, run });
}

function isStandardSchema(value: unknown): boolean {
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  const standard = isObject ? (value as Partial<StandardSchemaV1>)["~standard"] : undefined;
  return typeof standard?.validate === "function";
}

/** What a jobs module exports as its default. */
export interface Jobs {
  readonly jobs: readonly Job[];
  readonly state?: (context: StateContext) => unknown;
  readonly dispose?: (state: never) => unknown;
  /** Tells a jobs module from anything else, also across two copies of this package. */
  readonly millrace: "jobs";
}

/** What the state of a thread must have, for all the jobs. */
type NeededState<Defined extends readonly Job[]> = Defined[number] extends Job<never, unknown, infer State> ? State : never;

/**
 * Collects the jobs of a module, which exports the result as its default.
 *
 * @param options.state makes what the jobs of one thread share; called once per thread before its first job; may be async
 * @param options.dispose called with the state when the thread stops in an orderly way
 * @throws OptionsError if two jobs have one name, or a job has no `run`
 */
// The jobs say what they need and the factory is held to it. The other way round, a factory that looks at its context would be
// inferred too late.
export function defineJobs<const Defined extends readonly Job[], State extends NeededState<Defined> = NeededState<Defined>>(
  options: {
    readonly state?: (context: StateContext) => State | Promise<State>;
    readonly dispose?: (state: NoInfer<State>) => void | Promise<void>;
    readonly jobs: Defined;
  } & (undefined extends NeededState<Defined> ? unknown : { readonly state: unknown }),
): Jobs & { readonly jobs: Defined } {
  rejectUnknownKeys(options, ["state", "dispose", "jobs"], "defineJobs");
  const { jobs, state, dispose } = options;
  if (!Array.isArray(jobs)) throw new OptionsError(`jobs must be an array of jobs, but is ${show(jobs)}`);
  const seen = new Set<string>();
  for (const job of jobs as readonly (Partial<Job> | null | undefined)[]) {
    if (typeof job !== "object" || job === null) throw new OptionsError(`jobs must come from defineJob() or implement(), but one is ${show(job)}`);
    if (typeof job.run !== "function") {
      throw new OptionsError(`job ${show(job.name)} has no run function: complete it with implement()`);
    }
    if (seen.has(String(job.name))) throw new OptionsError(`two jobs are named ${show(job.name)}`);
    seen.add(String(job.name));
  }
  for (const [name, part] of Object.entries({ state, dispose })) {
    if (part !== undefined) requireFunction(part, name);
  }
  return Object.freeze({
    jobs,
    ...(state === undefined ? {} : { state }),
    ...(dispose === undefined ? {} : { dispose }),
    millrace: "jobs",
  });
}
