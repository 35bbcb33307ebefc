import { defineJob, defineJobs } from "../../../dist/src/jobs.js";
import { burn, noop, sleep, stamp } from "../jobs.js";

const jobs = Object.entries({ noop, burn, sleep, stamp }).map(([name, run]) => defineJob({ name, run }));

export default defineJobs({ jobs });
