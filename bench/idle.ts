/** What a started engine that has nothing to do costs: nothing polls, so it must be next to nothing. */

import { createEngine } from "millrace";
import type { Options, Section } from "./lib/report.js";
import { show } from "./lib/numbers.js";

const LIMIT = 0.01;
const MS = { full: { settle: 2_000, watch: 10_000 }, smoke: { settle: 300, watch: 1_000 } };

export async function idleBench({ smoke }: Options): Promise<readonly Section[]> {
  const { settle, watch } = MS[smoke ? "smoke" : "full"];
  const engine = createEngine({
    jobs: new URL("./macro/jobs.js", import.meta.url),
    queues: { default: { threads: 1 }, other: { threads: 1, concurrency: 16 } },
    execArgv: [],
  });
  await engine.start();
  try {
    // It has worked, and it has something to wait for.
    await Promise.all(Array.from({ length: 1_000 }, (_, index) => engine.run("noop", index)));
    await engine.enqueue("noop", 0, { delay: "1h" });
    await engine.every("1h", "noop", 0);
    await wait(settle);
    const before = process.cpuUsage();
    const startedAt = performance.now();
    await wait(watch);
    const { user, system } = process.cpuUsage(before);
    const seconds = (performance.now() - startedAt) / 1_000;
    const share = (user + system) / 1e6 / seconds;
    if (share >= LIMIT) process.exitCode = 1;
    return [
      {
        title: "An idle engine",
        notes: ["Two queues with a thread each, finished jobs to keep, a job in an hour and a schedule. CPU time of the whole process by time."],
        columns: ["watched for", "share of one core", "limit"],
        rows: [[`${show(seconds)} s`, `${show(share * 100)} %`, `${LIMIT * 100} %`]],
        data: { seconds, share, limit: LIMIT },
      },
    ];
  } finally {
    await engine.stop();
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
