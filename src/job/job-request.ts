/** Turns a definition, a payload and options into a job that can be stored: checked, and the payload already bytes. */

import { OptionsError, ValidationError, type ValidationIssue } from "../errors.js";
import { DEFAULT_BACKOFF, isBackoff } from "./backoff.js";
import type { JobSpec } from "./define-job.js";
import { LATEST_TIME, later, parseDuration, show } from "./duration.js";
import type { EnqueueOptions } from "./enqueue-options.js";
import type { JobId, NewJob, UniqueKey } from "./job-record.js";
import { rejectUnknownKeys, requireCount, requireName, requireSignal } from "./options.js";
import { encode } from "./payload.js";
import { requireBuffers } from "./transfer.js";

export const DEFAULT_QUEUE = "default";
const DEFAULT_MAX_RETRIES = 5;
const LARGEST_META = 4_096;

/** A job but for its id and its times, which the main side gives. */
export interface JobRequest extends Omit<NewJob, "id" | "runAt" | "createdAt"> {
  /** At most one of the two is not `null`; with none the job is due at once. */
  readonly runAt: number | null;
  readonly delayMs: number | null;
}

export const ENQUEUE_OPTIONS: readonly string[] = [
  ...["queue", "delay", "runAt", "priority", "maxRetries", "backoff", "timeout", "unique", "meta", "transfer", "signal"],
];

/** What `enqueue` was called with. */
export interface RequestInput {
  readonly job: JobSpec | string;
  readonly payload: unknown;
  readonly options: EnqueueOptions | undefined;
  /** In bytes. */
  readonly maxPayload: number;
  /** Whether buffers can be moved; else they are copied. */
  readonly canTransfer: boolean;
  /** What the payload is called in the path of an error; default `payload`. */
  readonly root?: string;
}

/** @throws OptionsError */
export function requireJob(job: unknown): asserts job is JobSpec | string {
  const name: unknown = typeof job === "object" && job !== null && "name" in job ? job.name : job;
  if (typeof name !== "string") throw new OptionsError(`a job is a definition or a name, but this is ${show(job)}`);
}

/**
 * Checks a payload against the schema of its job. A promise only if the schema is async.
 *
 * @throws ValidationError
 */
function validatePayload(job: JobSpec | string, payload: unknown): void | Promise<void> {
  if (typeof job === "string" || job.schema === undefined) return;
  const check = ({ issues }: { readonly issues?: readonly SchemaIssue[] | undefined }): void => {
    if (issues !== undefined) throw issuesError(job.name, issues);
  };
  const outcome = job.schema["~standard"].validate(payload);
  return outcome instanceof Promise ? outcome.then(check) : check(outcome);
}

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What is thrown when a payload does not fit the schema of its job. */
export function issuesError(name: string, issues: readonly SchemaIssue[]): ValidationError {
  const plain = issues.map(plainIssue);
  const first = plain[0];
  const where = first?.path === undefined ? "" : ` at ${first.path.join(".")}`;
  return new ValidationError(`the payload of job ${show(name)} does not fit its schema: ${first?.message ?? "no reason given"}${where}`, plain);
}

function plainIssue({ message, path }: SchemaIssue): ValidationIssue {
  if (path === undefined || path.length === 0) return { message };
  const keys = path.map((step) => (typeof step === "object" ? step.key : step));
  return { message, path: keys.map((key) => (typeof key === "number" ? key : String(key))) };
}

/** A request but for its payload. */
export type Policy = Omit<JobRequest, "payload" | "attachments">;

/**
 * A checked request; a promise only if the schema of the job is async. The payload is read in this very call, so that changing
 * the object afterwards has no effect. Buffers in `transfer` are detached once everything is found good.
 *
 * @param policy if it is known already, as for many payloads with the same options
 * @throws OptionsError, PayloadError, ValidationError, now or as a rejection
 */
export function checkedRequest(input: RequestInput, policy: Policy = parsePolicy(input.job, input.options)): JobRequest | Promise<JobRequest> {
  const validation = validatePayload(input.job, input.payload);
  if (validation === undefined) return withPayload(policy, input);
  // Buffers are taken away only from a caller whose payload is good.
  if (input.canTransfer && input.options?.transfer !== undefined) return validation.then(() => withPayload(policy, input));
  // If packing throws, nobody hears how the validation ended.
  validation.catch(() => undefined);
  const request = withPayload(policy, input);
  return validation.then(() => request);
}

/** @throws PayloadError */
function withPayload(policy: Policy, { payload, maxPayload, root = "payload", options, canTransfer }: RequestInput): JobRequest {
  const transfer = canTransfer ? options?.transfer : undefined;
  const limits = { root, maxBytes: maxPayload };
  const { bytes, attachments } = encode(payload, transfer === undefined ? limits : { ...limits, transfer });
  return withBytes(policy, bytes, attachments);
}

/** Written out, as below: copying objects of this size by spreading them takes ten times as long. */
function withBytes(policy: Policy, payload: Uint8Array, attachments: readonly ArrayBuffer[]): JobRequest {
  const { name, queue, priority, maxRetries, backoff, timeoutMs, depth, runAt, delayMs, unique, meta } = policy;
  return { name, queue, payload, attachments, priority, maxRetries, backoff, timeoutMs, depth, runAt, delayMs, unique, meta };
}

/** Of definitions that cannot change, without options: most calls need no other. */
const policies = new WeakMap<JobSpec, Policy>();

/**
 * What a definition and the options, which win, say of a job.
 *
 * @throws OptionsError
 */
export function parsePolicy(job: JobSpec | string, options?: EnqueueOptions): Policy {
  requireJob(job);
  if (options !== undefined || typeof job === "string" || !Object.isFrozen(job)) return policyOf(job, options);
  let policy = policies.get(job);
  if (policy === undefined) policies.set(job, (policy = Object.freeze(policyOf(job))));
  return policy;
}

function policyOf(job: JobSpec | string, options: EnqueueOptions = {}): Policy {
  const spec: Partial<JobSpec> & { readonly name: string } = typeof job === "string" ? { name: job } : job;
  requireName(spec.name, "the name of the job");
  rejectUnknownKeys(options, ENQUEUE_OPTIONS, "enqueue");
  if (options.transfer !== undefined) requireBuffers(options.transfer, "transfer");
  requireSignal(options.signal);
  const { queue = spec.queue ?? DEFAULT_QUEUE, maxRetries = spec.maxRetries ?? DEFAULT_MAX_RETRIES, priority = 0 } = options;
  requireName(queue, "queue");
  requireCount(maxRetries, "maxRetries");
  if (typeof priority !== "number" || !Number.isFinite(priority)) {
    throw new OptionsError(`priority must be a finite number, but is ${show(priority)}`);
  }
  return {
    name: spec.name,
    queue,
    priority,
    maxRetries,
    backoff: chooseBackoff(options, spec),
    depth: 0,
    timeoutMs: options.timeout === undefined ? (spec.timeoutMs ?? null) : parseDuration(options.timeout, "timeout", { minMs: 1 }),
    ...parseStart(options),
    unique: parseUnique(options.unique),
    meta: parseMeta(options.meta),
  };
}

function chooseBackoff(options: EnqueueOptions, spec: Partial<JobSpec>): NewJob["backoff"] {
  if (options.backoff !== undefined) {
    // A function cannot be stored; it belongs to the definition.
    if (!isBackoff(options.backoff)) throw new OptionsError("backoff must come from exponential() or linear()");
    return options.backoff;
  }
  if (typeof spec.backoff === "function") return null;
  return spec.backoff ?? DEFAULT_BACKOFF;
}

function parseStart({ delay, runAt }: EnqueueOptions): { readonly delayMs: number | null; readonly runAt: number | null } {
  if (delay !== undefined && runAt !== undefined) throw new OptionsError("delay and runAt exclude each other");
  if (delay !== undefined) return { delayMs: parseDuration(delay, "delay"), runAt: null };
  if (runAt === undefined) return { delayMs: null, runAt: null };
  const time = runAt instanceof Date ? runAt.getTime() : runAt;
  if (typeof time !== "number" || !(Math.abs(time) <= LATEST_TIME)) {
    throw new OptionsError(`runAt must be a Date or ms since the epoch, but is ${runAt instanceof Date ? "an invalid Date" : show(runAt)}`);
  }
  return { delayMs: null, runAt: time };
}

function parseUnique(unique: EnqueueOptions["unique"]): UniqueKey | null {
  if (unique === undefined) return null;
  if (typeof unique === "string") return { key: requireKey(unique, "unique"), until: "finished" };
  rejectUnknownKeys(unique, ["key", "until"], "unique");
  const { until = "finished" } = unique;
  if (!["finished", "started"].includes(until)) {
    throw new OptionsError(`unique.until must be "finished" or "started", but is ${show(until)}`);
  }
  return { key: requireKey(unique.key, "unique.key"), until };
}

function requireKey(key: unknown, option: string): string {
  requireName(key, option);
  return key;
}

const NO_META: Readonly<Record<string, string>> = Object.freeze({});

function parseMeta(meta: EnqueueOptions["meta"]): Readonly<Record<string, string>> {
  if (meta === undefined) return NO_META;
  if (typeof meta !== "object" || (meta as unknown) === null || Array.isArray(meta)) {
    throw new OptionsError(`meta must be an object of strings, but is ${show(meta)}`);
  }
  let size = 0;
  for (const [key, value] of Object.entries(meta) as [string, unknown][]) {
    if (typeof value !== "string") throw new OptionsError(`meta.${key} must be a string, but is ${show(value)}`);
    size += key.length + value.length;
  }
  if (size > LARGEST_META) throw new OptionsError(`meta may hold ${LARGEST_META} characters, but has ${size}`);
  return Object.freeze({ ...meta });
}

/** A request as a job, at a time and with an id. */
export function toNewJob(request: JobRequest, id: JobId, now: number): NewJob {
  const { name, queue, payload, attachments, priority, maxRetries, backoff, timeoutMs, depth, unique, meta } = request;
  const runAt = request.runAt ?? later(now, request.delayMs ?? 0);
  return { id, name, queue, payload, attachments, priority, maxRetries, backoff, timeoutMs, depth, runAt, createdAt: now, unique, meta };
}
