/** What a started engine that has nothing to do costs: nothing polls, so it must be next to nothing. */

import { createEngine } from "millrace";
import type { Options, Section } from "./lib/report.js";
import { show } from "./lib/numbers.js";

const LIMIT = 0.01;
/** Some eight seconds after the last work, V8 tidies up all heaps, once. That is told apart. */
const MS = { full: { tidying: 12_000, idle: 10_000 }, quick: { tidying: 500, idle: 1_000 } };

export async function idleBench({ quick }: Options): Promise<readonly Section[]> {
  const { tidying, idle } = MS[quick ? "quick" : "full"];
  const engine = createEngine({
    jobs: new URL("./threads/jobs.js", import.meta.url),
    queues: { default: { threads: 1 }, other: { threads: 1, concurrency: 16 } },
    execArgv: [],
  });
  await engine.start();
  try {
    // It has worked, and it has something to wait for.
    await Promise.all(Array.from({ length: 1_000 }, (_, index) => engine.run("noop", index)));
    await engine.enqueue("noop", 0, { delay: "1h" });
    await engine.every("1h", "noop", 0);
    const after = await watch(tidying);
    const at = await watch(idle);
    if (at.share >= LIMIT) process.exitCode = 1;
    const row = (name: string, { seconds, share }: Watched, limit: string): readonly string[] => [name, `${show(seconds)} s`, `${show(share * 100)} %`, limit];
    return [
      {
        title: "An idle engine",
        notes: ["Two queues with a thread each, finished jobs to keep, a job in an hour and a schedule. CPU time of the whole process by time."],
        columns: ["", "watched for", "share of one core", "limit"],
        rows: [row("after the last work, V8 tidying up", after, "–"), row("then", at, `${LIMIT * 100} %`)],
        data: { after, idle: at, limit: LIMIT },
      },
    ];
  } finally {
    await engine.stop();
  }
}

interface Watched {
  readonly seconds: number;
  readonly share: number;
}

async function watch(ms: number): Promise<Watched> {
  const before = process.cpuUsage();
  const startedAt = performance.now();
  await new Promise((resolve) => setTimeout(resolve, ms));
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - startedAt) / 1_000;
  return { seconds, share: (user + system) / 1e6 / seconds };
}
