import { writeSync } from "node:fs";
import { defineJob, defineJobs } from "millrace/jobs";

/** Its effect is a line that is with the conductor, whatever happens then. */
export const work = defineJob({
  name: "work",
  run: (n, ctx) => {
    writeSync(1, `EFF ${ctx.id}\n`);
    return n;
  },
});

export default defineJobs({ jobs: [work] });
