import { pgBoss } from "../lib/pg-boss.js";

export default pgBoss({
  withPool: true,
  settings: "as above with 2 workers, each with batches of 32, all of a batch in piscina.run()",
  measures: ["burn", "http", "start"],
  sizes: {},
});
