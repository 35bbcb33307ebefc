/** `millrace/jobs`: what a jobs module needs. Loads no pool and no storage, so that threads start fast. */

export { exponential, linear } from "./job/backoff.js";
export type { Backoff, CustomBackoff, ExponentialBackoff, LinearBackoff } from "./job/backoff.js";
export { defineJob, defineJobs, implement } from "./job/define-job.js";
export type { InputOf, Job, JobOptions, Jobs, JobSpec, ResultOf } from "./job/define-job.js";
export type { Duration } from "./job/duration.js";
export type { EnqueueOptions } from "./job/enqueue-options.js";
export type { EnqueueFromJob, JobContext, JobLog, LogLevel, StateContext } from "./job/job-context.js";
export { transfer } from "./job/transfer.js";
export type { Transferred } from "./job/transfer.js";
export { MaxDepthError, QueueFullError, UnrecoverableError } from "./errors.js";
