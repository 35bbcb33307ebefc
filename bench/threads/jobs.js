// The jobs module of the benchmarks of whole engines. In JavaScript, so that threads start without tsx.

import { defineJob, defineJobs, transfer } from "millrace/jobs";
import { burn } from "./burn.js";
import { sharedNow } from "./clock.js";
import { burnAndTell, echo, readAll } from "./work.js";

const RUNS = {
  noop: () => undefined,
  echo,
  burn,
  short: burnAndTell,
  long: burnAndTell,
  bimodal: burnAndTell,
  now: sharedNow,
  readAll: (bytes) => {
    readAll(bytes);
    return transfer(bytes, [bytes.buffer]);
  },
};

export default defineJobs({ jobs: Object.entries(RUNS).map(([name, run]) => defineJob({ name, run: (payload) => run(payload) })) });
