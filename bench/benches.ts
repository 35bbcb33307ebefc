/** All benchmarks by name. */

import { idleBench } from "./idle.js";
import type { Options, Section } from "./lib/report.js";
import { backlogBench } from "./macro/backlog.js";
import { burnBench } from "./macro/burn.js";
import { durableBench } from "./macro/durable.js";
import { durableBacklogBench } from "./macro/durable-backlog.js";
import { growthBench } from "./macro/growth.js";
import { killsBench } from "./macro/kills.js";
import { mixedBench } from "./macro/mixed.js";
import { noopBench } from "./macro/noop.js";
import { mainThreadBench } from "./macro/main-thread.js";
import { recoveryBench } from "./macro/recovery.js";
import { slowDiskBench } from "./macro/slow-disk.js";
import { startBench } from "./macro/start.js";
import { transferBench } from "./macro/transfer.js";
import { microBench } from "./micro/main.js";

export const BENCHES: Readonly<Record<string, (options: Options) => Promise<readonly Section[]>>> = {
  micro: microBench,
  noop: noopBench,
  burn: burnBench,
  mixed: mixedBench,
  start: startBench,
  mainThread: mainThreadBench,
  backlog: backlogBench,
  transfer: transferBench,
  growth: growthBench,
  durable: durableBench,
  durableBacklog: durableBacklogBench,
  recovery: recoveryBench,
  slowDisk: slowDiskBench,
  kills: killsBench,
  idle: idleBench,
};
