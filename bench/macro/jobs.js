// The jobs module of the benchmarks of whole engines. In JavaScript, so that threads start without tsx.

import { defineJob, defineJobs } from "millrace/jobs";
import { burn } from "./burn.js";

export default defineJobs({ jobs: [defineJob({ name: "noop", run: () => undefined }), defineJob({ name: "burn", run: burn })] });
