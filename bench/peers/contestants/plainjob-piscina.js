import { plainjob } from "../lib/plainjob.js";

export default plainjob({
  withPool: true,
  settings: "as above with 4 workers, each a piscina.run()",
  measures: ["burn", "http", "start"],
  sizes: {},
});
