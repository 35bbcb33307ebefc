import { openSync, writeSync } from "node:fs";
import { defineJob, defineJobs } from "millrace/jobs";

/** Lines are appended, whole, and outlive the process, however it ends. */
const ledger = openSync(process.env.MILLRACE_LEDGER, "a");

export const work = defineJob({
  name: "work",
  run: (n, ctx) => {
    writeSync(ledger, `EFF ${ctx.id}\n`);
    return n;
  },
});

export default defineJobs({ jobs: [work] });
