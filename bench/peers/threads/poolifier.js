import { ThreadWorker } from "poolifier";
import { runJob } from "../lib/run-job.js";

export default new ThreadWorker({
  noop: (/** @type {unknown} */ payload) => runJob("noop", payload),
  burn: (/** @type {unknown} */ payload) => runJob("burn", payload),
  sleep: (/** @type {unknown} */ payload) => runJob("sleep", payload),
  stamp: (/** @type {unknown} */ payload) => runJob("stamp", payload),
});
