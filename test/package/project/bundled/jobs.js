import { defineJob, defineJobs } from "millrace/jobs";
import { countPrimes } from "./primes.js";

export const primes = defineJob({ name: "primes", run: countPrimes });
export default defineJobs({ jobs: [primes] });
