/** User options → one validated, frozen config. */

import { availableParallelism } from "node:os";
import { isAbsolute } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { ResourceLimits } from "./dispatch/thread-pool.js";
import { OptionsError } from "./errors.js";
import { type Duration, parseDuration, show } from "./job/duration.js";
import { DEFAULT_QUEUE } from "./job/job-request.js";
import { rejectUnknownKeys, requireCount, requireFiniteCount, requireName, requireObject } from "./job/options.js";
import { FRAME_SLOTS } from "./protocol/control-block.js";
import type { Retention, Storage } from "./storage/storage.js";

export interface QueueOptions {
  /** Worker threads of this queue. 0 is legal: its jobs wait. Default: see `EngineOptions.queues`. */
  readonly threads?: number;
  /** Jobs at once per thread: more than 1 pays for jobs that await. At most 1024; default 1. */
  readonly concurrency?: number;
  readonly resourceLimits?: ResourceLimits;
  /** For jobs that have no timeout of their own. Default none. */
  readonly timeout?: Duration;
  /** After so many jobs a thread is replaced by a new one, with a new state. Default: never. */
  readonly maxJobsPerThread?: number;
  /** A thread is replaced when garbage collections leave more than this of its heap. Default: never. */
  readonly maxHeapPerThread?: Size;
  /**
   * How many jobs may wait for a run (`waiting`, `scheduled` and `retrying` together) for this engine to enqueue one more;
   * beyond that it rejects with `QueueFullError`, or waits if it is given a `signal`. What comes back after a run, or by
   * `retry`, is never refused. Default none.
   */
  readonly maxQueued?: number;
}

/** A number of bytes, or a string such as `"64mb"`; a kb is 1,024 bytes. */
export type Size = number | `${number}${"kb" | "mb" | "gb"}`;

export interface RetentionOptions {
  /** Default one hour and 1,000 jobs. Holds for cancelled jobs too. */
  readonly completed?: { readonly age?: Duration; readonly count?: number };
  /** Default seven days and 10,000 jobs. */
  readonly dead?: { readonly age?: Duration; readonly count?: number };
  /** Payloads and results together. Default `"64mb"`. */
  readonly bytes?: Size;
}

export interface EngineOptions {
  /** The jobs module: a URL, a `file:` string or an absolute path. Needed to `start`; a client needs none. */
  readonly jobs?: URL | string;
  /** Default: memory. */
  readonly storage?: Storage;
  /**
   * Threads and limits by queue. `default` has one thread per core but one, at least one, unless configured; another queue
   * that some job names gets one thread when its first job comes.
   */
  readonly queues?: Readonly<Record<string, QueueOptions>>;
  /** How long finished jobs are kept, per queue. */
  readonly retention?: RetentionOptions;
  /** For threads of queues that have none of their own. */
  readonly resourceLimits?: ResourceLimits;
  /** Node options of the threads, such as `["--import", "tsx"]`. Default: those of the process. */
  readonly execArgv?: readonly string[];
  /** Environment of the threads. Default: a copy of the process's. */
  readonly env?: Readonly<Record<string, string>>;
  /** How long a thread may take to load the jobs module and make its state. Default `"30s"`. */
  readonly bootTimeout?: Duration;
  /** How long a job may go on after its deadline before its thread is ended. Default `"1s"`. */
  readonly grace?: Duration;
  /** The largest payload, as bytes in storage. Default `"64mb"`. */
  readonly maxPayload?: Size;
  /** The largest result. Default `"64mb"`. */
  readonly maxResult?: Size;
  /**
   * How many jobs may follow one another of which each enqueued the next; beyond that `ctx.enqueue` rejects with
   * `MaxDepthError`. `Infinity` is allowed. Default 100.
   */
  readonly maxDepth?: number;
}

export interface QueueConfig {
  readonly threads: number;
  readonly concurrency: number;
  readonly resourceLimits: ResourceLimits | null;
  readonly timeoutMs: number | null;
  readonly maxJobsPerThread: number | null;
  /** In bytes. */
  readonly maxHeapPerThread: number | null;
  /** May be `Infinity`. */
  readonly maxQueued: number;
}

export interface Config {
  /** A `file:` URL. */
  readonly jobsUrl: string | null;
  readonly queues: ReadonlyMap<string, QueueConfig>;
  readonly retention: Retention;
  readonly resourceLimits: ResourceLimits | null;
  readonly execArgv: readonly string[] | null;
  readonly env: Readonly<Record<string, string>> | null;
  readonly bootTimeoutMs: number;
  readonly graceMs: number;
  /** In bytes. */
  readonly maxPayload: number;
  readonly maxResult: number;
  readonly maxDepth: number;
}

/** Every default of an engine in one place. */
const DEFAULTS = {
  concurrency: 1,
  bootTimeout: "30s",
  grace: "1s",
  maxPayload: "64mb",
  maxResult: "64mb",
  maxDepth: 100,
  maxQueued: Infinity,
  retention: { completed: { age: "1h", count: 1_000 }, dead: { age: "7d", count: 10_000 }, bytes: "64mb" },
  threads: (queue: string) => (queue === DEFAULT_QUEUE ? Math.max(1, availableParallelism() - 1) : 1),
} as const;

const OPTION_NAMES: readonly string[] = [
  ...["jobs", "storage", "queues", "retention", "resourceLimits", "execArgv", "env"],
  ...["bootTimeout", "grace", "maxPayload", "maxResult", "maxDepth"],
];
const QUEUE_OPTION_NAMES: readonly string[] = [
  ...["threads", "concurrency", "resourceLimits", "timeout"],
  ...["maxQueued", "maxJobsPerThread", "maxHeapPerThread"],
];
const LIMIT_NAMES = ["maxOldGenerationSizeMb", "maxYoungGenerationSizeMb", "codeRangeSizeMb", "stackSizeMb"];

/** @throws OptionsError */
export function parseConfig(options: EngineOptions): Config {
  rejectUnknownKeys(options, OPTION_NAMES, "createEngine");
  const { execArgv, env, queues = {}, retention = {} } = options;
  const { bootTimeout = DEFAULTS.bootTimeout, grace = DEFAULTS.grace } = options;
  const { maxPayload = DEFAULTS.maxPayload, maxResult = DEFAULTS.maxResult, maxDepth = DEFAULTS.maxDepth } = options;
  requireCount(maxDepth, "maxDepth");
  if (execArgv !== undefined && !(Array.isArray(execArgv) && execArgv.every((argument) => typeof argument === "string"))) {
    throw new OptionsError("execArgv must be an array of strings");
  }
  if (env !== undefined) {
    requireObject(env, "env");
    if (!Object.values(env).every((value) => typeof value === "string")) throw new OptionsError("env must be an object of strings");
  }
  if (options.storage !== undefined) requireStorage(options.storage);
  const resourceLimits = parseLimits(options.resourceLimits, "resourceLimits");
  return Object.freeze({
    jobsUrl: options.jobs === undefined ? null : parseJobsUrl(options.jobs),
    queues: parseQueues(queues, resourceLimits),
    retention: parseRetention(retention),
    resourceLimits,
    execArgv: execArgv ?? null,
    env: env ?? null,
    bootTimeoutMs: parseDuration(bootTimeout, "bootTimeout", { minMs: 1 }),
    graceMs: parseDuration(grace, "grace"),
    maxPayload: parseSize(maxPayload, "maxPayload"),
    maxResult: parseSize(maxResult, "maxResult"),
    maxDepth,
  });
}

/** The config of a queue, also of one that was not configured. */
export function queueConfig(config: Config, queue: string): QueueConfig {
  const { concurrency, maxQueued } = DEFAULTS;
  const { resourceLimits } = config;
  const unlimited = { timeoutMs: null, maxQueued, maxJobsPerThread: null, maxHeapPerThread: null };
  return config.queues.get(queue) ?? { threads: DEFAULTS.threads(queue), concurrency, resourceLimits, ...unlimited };
}

/** The limits of those queues that have one. */
export function maxQueuedOf({ queues }: Config): ReadonlyMap<string, number> {
  return new Map([...queues].map(([queue, { maxQueued }]) => [queue, maxQueued] as const).filter(([, maxQueued]) => maxQueued < Infinity));
}

/** The queues whose threads `start` waits for: those configured, or `default` if none is. */
export function startQueues(config: Config): readonly string[] {
  return config.queues.size > 0 ? [...config.queues.keys()] : [DEFAULT_QUEUE];
}

/** Says so once if more threads are configured than there are cores. */
export function warnOfTooManyThreads(config: Config): void {
  let threads = 0;
  for (const queue of startQueues(config)) threads += queueConfig(config, queue).threads;
  const cores = availableParallelism();
  if (threads <= cores) return;
  process.emitWarning(`${threads} threads are configured, but there are ${cores} cores: they will take turns`, "MillraceWarning");
}

function parseJobsUrl(jobs: unknown): string {
  const isFileUrl = (jobs instanceof URL && jobs.protocol === "file:") || (typeof jobs === "string" && jobs.startsWith("file:"));
  if (isFileUrl && isLocalFile(jobs)) return String(jobs);
  if (typeof jobs === "string" && isAbsolute(jobs)) return pathToFileURL(jobs).href;
  throw new OptionsError(
    `jobs must be a file: URL or an absolute path, such as new URL("./jobs.js", import.meta.url), but is ${jobs instanceof URL ? jobs.href : show(jobs)}`,
  );
}

/** Not of another host, for one. */
function isLocalFile(url: URL | string): boolean {
  try {
    return fileURLToPath(url) !== "";
  } catch {
    return false;
  }
}

function parseQueues(queues: unknown, commonLimits: ResourceLimits | null): ReadonlyMap<string, QueueConfig> {
  if (typeof queues !== "object" || queues === null || Array.isArray(queues)) {
    throw new OptionsError(`queues must be an object of options by queue, but is ${show(queues)}`);
  }
  const parsed = new Map<string, QueueConfig>();
  for (const [name, options] of Object.entries(queues) as [string, QueueOptions][]) {
    requireName(name, "the name of a queue");
    const where = `queues.${name}`;
    rejectUnknownKeys(options, QUEUE_OPTION_NAMES, where);
    const { threads = DEFAULTS.threads(name), concurrency = DEFAULTS.concurrency, timeout, resourceLimits } = options;
    const { maxQueued = DEFAULTS.maxQueued, maxJobsPerThread, maxHeapPerThread } = options;
    if (maxJobsPerThread !== undefined) requireFiniteCount(maxJobsPerThread, `${where}.maxJobsPerThread`, 1);
    requireFiniteCount(threads, `${where}.threads`);
    requireFiniteCount(concurrency, `${where}.concurrency`, 1);
    requireCount(maxQueued, `${where}.maxQueued`, 1);
    if (concurrency > FRAME_SLOTS) throw new OptionsError(`${where}.concurrency must be at most ${FRAME_SLOTS}, but is ${concurrency}`);
    parsed.set(name, {
      threads,
      concurrency,
      resourceLimits: parseLimits(resourceLimits, `${where}.resourceLimits`) ?? commonLimits,
      timeoutMs: timeout === undefined ? null : parseDuration(timeout, `${where}.timeout`, { minMs: 1 }),
      maxJobsPerThread: maxJobsPerThread ?? null,
      maxHeapPerThread: maxHeapPerThread === undefined ? null : parseSize(maxHeapPerThread, `${where}.maxHeapPerThread`),
      maxQueued,
    });
  }
  return parsed;
}

function parseRetention(options: RetentionOptions): Retention {
  rejectUnknownKeys(options, ["completed", "dead", "bytes"], "retention");
  const { bytes = DEFAULTS.retention.bytes } = options;
  const kept = (state: "completed" | "dead"): Retention["dead"] => {
    const { [state]: chosen = {} } = options;
    rejectUnknownKeys(chosen, ["age", "count"], `retention.${state}`);
    const { age = DEFAULTS.retention[state].age, count = DEFAULTS.retention[state].count } = chosen;
    requireCount(count, `retention.${state}.count`);
    return { ageMs: parseDuration(age, `retention.${state}.age`), count };
  };
  return { completed: kept("completed"), dead: kept("dead"), bytes: parseSize(bytes, "retention.bytes") };
}

function parseLimits(limits: unknown, option: string): ResourceLimits | null {
  if (limits === undefined) return null;
  rejectUnknownKeys(limits, LIMIT_NAMES, option);
  for (const [name, value] of Object.entries(limits as object)) {
    if (typeof value !== "number" || !(value > 0) || !Number.isFinite(value)) {
      throw new OptionsError(`${option}.${name} must be a number of megabytes above 0, but is ${show(value)}`);
    }
  }
  return Object.freeze({ ...(limits as ResourceLimits) });
}

const UNIT_BYTES: Readonly<Record<string, number>> = { kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 };

function parseSize(value: unknown, option: string): number {
  const match = typeof value === "string" ? /^(\d{1,15}(?:\.\d{1,15})?)(kb|mb|gb)$/.exec(value) : null;
  const bytes = match === null ? value : Number(match[1]) * (UNIT_BYTES[match[2] ?? ""] ?? NaN);
  if (typeof bytes !== "number" || !Number.isFinite(bytes) || bytes < 0) {
    throw new OptionsError(`${option} must be a number of bytes, or a string like "64mb", but is ${show(value)}`);
  }
  return Math.floor(bytes);
}

function requireStorage(value: unknown): void {
  const isStorage = typeof value === "object" && value !== null && "claim" in value && "complete" in value && "supports" in value;
  if (!isStorage) throw new OptionsError(`storage must be a storage, such as memoryStorage(), but is ${show(value)}`);
}
