/** `millrace`: the engine and everything the server side needs. */

export { createEngine, Engine } from "./engine.js";
export type { EngineOptions, QueueOptions, RetentionOptions, Size } from "./config.js";
export type { ResourceLimits } from "./dispatch/thread-pool.js";
export type { CancelAnswer, JobHandle, ProgressListener, ResultOptions } from "./client/handle.js";
export type { DrainOptions } from "./client/drain.js";
export type { EngineStats, JobInfo, JobPage, ListOptions, QueueStats } from "./client/job-info.js";
export type { EveryOptions, ScheduleHandle, ScheduleInfo } from "./client/schedules.js";
export type { StopReport } from "./runner.js";
export type { ChargedRun, EngineEvents, ErrorInfo, JobEvent, ThreadExit, ThreadExitReason } from "./events.js";
export type { JobState } from "./job/job-record.js";
export type { Duration } from "./job/duration.js";
export type { LogLine } from "./job/job-context.js";
export type { EnqueueOptions } from "./job/enqueue-options.js";
export { memoryStorage } from "./storage/memory/memory-storage.js";
export type { Storage } from "./storage/storage.js";
export {
  CrashLoopError,
  DuplicateJobError,
  EngineStoppedError,
  JobCancelledError,
  JobError,
  JobOutOfMemoryError,
  JobsModuleError,
  JobTimeoutError,
  MaxDepthError,
  MillraceError,
  OptionsError,
  PayloadError,
  PayloadLostError,
  QueueFullError,
  StorageError,
  ThreadExitedError,
  UnknownJobError,
  UnrecoverableError,
  ValidationError,
} from "./errors.js";
export type { JobIdentity, ValidationIssue } from "./errors.js";
