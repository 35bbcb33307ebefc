import { defineJob, defineJobs } from "millrace/jobs";

export const fibonacci = defineJob({
  name: "fibonacci",
  run: function fib(n: number): number {
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
  },
});
export default defineJobs({ jobs: [fibonacci] });
