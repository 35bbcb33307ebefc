import { pgBoss } from "../lib/pg-boss.js";

export default pgBoss({
  withPool: false,
  settings: "insert of 2,000; useListenNotify; batchSize 1,000 and 2 workers for jobs that do nothing, 32 and 1 for 1 ms; burstWhenBatchFull",
  measures: ["noops", "burn", "http", "memory", "start"],
  sizes: { noops: 20_000, burns: 1_000 },
});
