// The jobs module of the throughput benchmark. In JavaScript, so that threads start without tsx.

import { defineJob, defineJobs } from "millrace/jobs";

export default defineJobs({ jobs: [defineJob({ name: "noop", run: () => undefined })] });
