import { plainjob } from "../lib/plainjob.js";

export default plainjob({
  withPool: false,
  settings: "addMany of 1,000; one worker, pollIntervall 10 ms; WAL, synchronous normal, as it sets them itself",
  measures: ["noops", "burn", "http", "memory", "start"],
  sizes: { noops: 10_000, burns: 1_000 },
});
