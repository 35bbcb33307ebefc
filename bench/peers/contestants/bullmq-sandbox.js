import { bullmq } from "../lib/bullmq.js";

export default bullmq({
  inSandbox: true,
  settings: "useWorkerThreads, concurrency 2; otherwise as above",
  measures: ["noops", "burn", "http", "start"],
  sizes: { noops: 4_000, burns: 1_000 },
});
