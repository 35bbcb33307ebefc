import { graphileWorker } from "../lib/graphile-worker.js";

export default graphileWorker({
  withPool: true,
  settings: "as above with 8 at once, each a piscina.run()",
  measures: ["burn", "http", "start"],
  sizes: {},
});
