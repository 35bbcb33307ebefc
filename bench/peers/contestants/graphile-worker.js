import { graphileWorker } from "../lib/graphile-worker.js";

export default graphileWorker({
  withPool: false,
  settings: "addJobs of 2,000; localQueue of 2,000 and 24 at once for jobs that do nothing, 64 and 2 for 1 ms, none for idle starts; completeJobBatchDelay 0",
  measures: ["noops", "burn", "http", "memory", "start"],
  sizes: { noops: 30_000, burns: 1_000 },
});
