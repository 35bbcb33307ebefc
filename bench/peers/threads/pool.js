// The threads of Piscina and tinypool: each export is a job.

export { burn, noop, sleep, stamp } from "../jobs.js";
