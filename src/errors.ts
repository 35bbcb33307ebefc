/**
 * Every error a user of Millrace can meet. Each class has a stable `code`; the list is mirrored in docs/errors.md,
 * and a test holds the two together. Messages never contain payloads.
 */

/** Base of all errors of this library. */
export abstract class MillraceError extends Error {
  /** Stable and meant for programs, as opposed to `message`. */
  abstract readonly code: string;
}

/** An option is wrong. The message names the option and says what is allowed. */
export class OptionsError extends MillraceError {
  static {
    this.prototype.name = "OptionsError";
  }

  readonly code = "MILLRACE_OPTIONS";
}

/** A payload or a result cannot be serialised or is too big. */
export class PayloadError extends MillraceError {
  static {
    this.prototype.name = "PayloadError";
  }

  readonly code = "MILLRACE_PAYLOAD";
  /** Names the offending value, for instance `payload.user.callback`. */
  readonly path: string;

  constructor(message: string, options: { readonly path: string; readonly cause?: unknown }) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.path = options.path;
  }
}

/** One problem that a schema found. */
export interface ValidationIssue {
  readonly message: string;
  readonly path?: readonly (string | number)[];
}

/** A payload does not fit the schema of its job. */
export class ValidationError extends MillraceError {
  static {
    this.prototype.name = "ValidationError";
  }

  readonly code = "MILLRACE_VALIDATION";
  readonly issues: readonly ValidationIssue[];

  constructor(message: string, issues: readonly ValidationIssue[]) {
    super(message);
    this.issues = issues;
  }
}

/** The jobs module cannot be loaded, exports nothing useful, or its state factory failed. See `cause`. */
export class JobsModuleError extends MillraceError {
  static {
    this.prototype.name = "JobsModuleError";
  }

  readonly code = "MILLRACE_JOBS_MODULE";
  /** The file that was asked for. */
  readonly file: string;

  constructor(message: string, options: { readonly file: string; readonly cause?: unknown }) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.file = options.file;
  }
}

/** Which job an error is about. */
export interface JobIdentity {
  readonly id: string;
  readonly name: string;
  /** How many runs were charged to the job. */
  readonly runs: number;
}

/** The job went `dead`; `cause` is the error of its last run. The classes that follow tell special causes apart. */
export class JobError extends MillraceError {
  static {
    this.prototype.name = "JobError";
  }

  readonly code: string = "MILLRACE_JOB_FAILED";
  readonly jobId: string;
  readonly jobName: string;
  /** How many runs were charged to the job. */
  readonly runs: number;

  constructor(message: string, job: JobIdentity, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.jobId = job.id;
    this.jobName = job.name;
    this.runs = job.runs;
  }
}

/** The last run passed its deadline. */
export class JobTimeoutError extends JobError {
  static {
    this.prototype.name = "JobTimeoutError";
  }

  override readonly code = "MILLRACE_JOB_TIMEOUT";
  /**
   * The stack of the code that held the thread when it was ended, as lines `    at name (file:line:column)`, innermost first;
   * `null` when none did, or it could not be read.
   */
  readonly stuckAt: string | null;

  constructor(message: string, job: JobIdentity, options: { readonly stuckAt: string | null; readonly cause?: unknown }) {
    super(message, job, "cause" in options ? { cause: options.cause } : undefined);
    this.stuckAt = options.stuckAt;
  }
}

/** The last run broke the heap limit of its thread, set by `resourceLimits`. */
export class JobOutOfMemoryError extends JobError {
  static {
    this.prototype.name = "JobOutOfMemoryError";
  }

  override readonly code = "MILLRACE_JOB_OUT_OF_MEMORY";
  /** In bytes: what the heap could hold. */
  readonly limit: number | null;
  /** In bytes: what it held when the run started, or last told its progress. So much is the thread's state, or was left by earlier runs. */
  readonly used: number | null;

  constructor(message: string, job: JobIdentity, options: { readonly limit: number | null; readonly used: number | null; readonly cause?: unknown }) {
    super(message, job, "cause" in options ? { cause: options.cause } : undefined);
    this.limit = options.limit;
    this.used = options.used;
  }
}

/** The last run ended its thread, by `process.exit()` or a crash. */
export class ThreadExitedError extends JobError {
  static {
    this.prototype.name = "ThreadExitedError";
  }

  override readonly code = "MILLRACE_THREAD_EXITED";
  /** `null` when the thread gave none. */
  readonly exitCode: number | null;

  constructor(message: string, job: JobIdentity, options: { readonly exitCode: number | null; readonly cause?: unknown }) {
    super(message, job, "cause" in options ? { cause: options.cause } : undefined);
    this.exitCode = options.exitCode;
  }
}

/** A payload or result that was transferred, and so existed only once, is gone. */
export class PayloadLostError extends JobError {
  static {
    this.prototype.name = "PayloadLostError";
  }

  override readonly code = "MILLRACE_PAYLOAD_LOST";
}

/** The job was the only one that ran when the process died, after it had been in flight at two deaths before. */
export class CrashLoopError extends JobError {
  static {
    this.prototype.name = "CrashLoopError";
  }

  override readonly code = "MILLRACE_CRASH_LOOP";
}

/** `cancel()` won: the job will not finish. */
export class JobCancelledError extends MillraceError {
  static {
    this.prototype.name = "JobCancelledError";
  }

  readonly code = "MILLRACE_JOB_CANCELLED";
}

/** No job with this id is known: it never existed, was removed, or its retention is over. */
export class UnknownJobError extends MillraceError {
  static {
    this.prototype.name = "UnknownJobError";
  }

  readonly code = "MILLRACE_UNKNOWN_JOB";
}

/** `retry` while another unfinished job holds the unique key. */
export class DuplicateJobError extends MillraceError {
  static {
    this.prototype.name = "DuplicateJobError";
  }

  readonly code = "MILLRACE_DUPLICATE_JOB";
}

/** The queue holds as many jobs that wait as its `maxQueued` allows. The job was not stored. */
export class QueueFullError extends MillraceError {
  static {
    this.prototype.name = "QueueFullError";
  }

  readonly code = "MILLRACE_QUEUE_FULL";
  readonly queue: string;
  readonly maxQueued: number;

  constructor(message: string, options: { readonly queue: string; readonly maxQueued: number }) {
    super(message);
    this.queue = options.queue;
    this.maxQueued = options.maxQueued;
  }
}

/** Jobs have enqueued one another in a longer row than `maxDepth` allows. The job was not stored. */
export class MaxDepthError extends MillraceError {
  static {
    this.prototype.name = "MaxDepthError";
  }

  readonly code = "MILLRACE_MAX_DEPTH";
  /** The job that was not stored. */
  readonly jobName: string;
  readonly maxDepth: number;

  constructor(message: string, options: { readonly jobName: string; readonly maxDepth: number }) {
    super(message);
    this.jobName = options.jobName;
    this.maxDepth = options.maxDepth;
  }
}

/** The engine is stopping or has stopped. */
export class EngineStoppedError extends MillraceError {
  static {
    this.prototype.name = "EngineStoppedError";
  }

  readonly code = "MILLRACE_ENGINE_STOPPED";
}

/** The storage failed or did not answer in time; see `cause`. Whether a write took effect is then unknown. */
export class StorageError extends MillraceError {
  static {
    this.prototype.name = "StorageError";
  }

  readonly code = "MILLRACE_STORAGE";
}

/** Thrown by a job's own code to say that retrying is pointless: the job goes to `dead` at once. */
export class UnrecoverableError extends MillraceError {
  static {
    this.prototype.name = "UnrecoverableError";
  }

  readonly code = "MILLRACE_UNRECOVERABLE";
}
