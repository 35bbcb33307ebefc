import { bullmq } from "../lib/bullmq.js";

export default bullmq({
  inSandbox: false,
  settings: "addBulk of 1,000; removeOnComplete; concurrency 100 for jobs that do nothing, 4 for others",
  measures: ["noops", "burn", "http", "memory", "start"],
  sizes: { noops: 10_000, burns: 1_000 },
});
