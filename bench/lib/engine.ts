/** Engines as the benchmarks want them: nothing is set but what is to be measured. */

import { createEngine, type Engine, type QueueOptions } from "millrace";
import { defineJob, type JobSpec } from "millrace/jobs";
import { sqliteStorage, type SqliteStorageOptions } from "millrace/sqlite";

export interface Small {
  readonly a: number;
  readonly b: string;
}

export const echo: JobSpec<Small, Small> = defineJob<Small, Small>({ name: "echo" });
export const burnJob: JobSpec<number, number> = defineJob<number, number>({ name: "burn" });

/** Answers when it was started, by the clock of all threads. */
export const nowJob: JobSpec<null, number> = defineJob<null, number>({ name: "now" });

export async function startEngine(queues: Readonly<Record<string, QueueOptions>>): Promise<Engine> {
  // No Node options for the threads: those of this process would bring tsx into them.
  const engine = createEngine({ jobs: new URL("../threads/jobs.js", import.meta.url), queues, execArgv: [] });
  await engine.start();
  return engine;
}

/** On a SQLite file. */
export async function startDurable(options: SqliteStorageOptions, threads: number): Promise<Engine> {
  const storage = sqliteStorage(options);
  const engine = createEngine({ jobs: new URL("../threads/jobs.js", import.meta.url), queues: { default: { threads } }, execArgv: [], storage });
  await engine.start();
  return engine;
}

/** A new one each time, as callers make them. */
export function small(): Small {
  return { a: 1, b: "x" };
}

/** What did not come back as it was sent was not done. */
export function requireEchoes(results: readonly unknown[], jobs: number): void {
  const good = results.filter((result) => {
    const { a, b } = result as Small;
    return a === 1 && b === "x";
  });
  if (good.length !== jobs) throw new Error(`${good.length} of ${jobs} payloads came back`);
}
