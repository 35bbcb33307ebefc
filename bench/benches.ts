/** All benchmarks by name. */

import { idleBench } from "./idle.js";
import type { Options, Section } from "./lib/report.js";
import { burnBench } from "./macro/burn.js";
import { killsBench } from "./macro/kills.js";
import { noopBench } from "./macro/noop.js";
import { startBench } from "./macro/start.js";
import { microBench } from "./micro/main.js";

export const BENCHES: Readonly<Record<string, (options: Options) => Promise<readonly Section[]>>> = {
  micro: microBench,
  noop: noopBench,
  burn: burnBench,
  start: startBench,
  kills: killsBench,
  idle: idleBench,
};
