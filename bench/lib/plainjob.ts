/** plainjob, which keeps jobs in SQLite and runs them on the main thread, at its best: many jobs a call, one worker. */

import Database from "better-sqlite3";
import { better, defineQueue, defineWorker, type Job } from "plainjob";
import { type Small, small } from "./engine.js";

export interface Plainjob {
  /** Resolves when so many jobs were stored, run and marked as done. */
  run(jobs: number): Promise<void>;
  close(): void;
}

const CHUNK = 1_000;
/** Between looks of a worker that found nothing. */
const POLL_MS = 1;
const silent = (): void => undefined;
const logger = { error: console.error, warn: silent, info: silent, debug: silent };

export function openPlainjob(path: string, durability: "full" | "relaxed"): Plainjob {
  const database = new Database(path);
  // It sets WAL and NORMAL itself.
  const queue = defineQueue({ connection: better(database), logger });
  database.pragma(`synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`);
  return {
    run: async (jobs) => {
      let left = jobs;
      let done = silent;
      const end = new Promise<void>((resolve) => (done = resolve));
      const onCompleted = (): void => {
        left -= 1;
        if (left === 0) done();
      };
      for (let added = 0; added < jobs; added += CHUNK) queue.addMany("echo", Array.from({ length: Math.min(CHUNK, jobs - added) }, small));
      // Only now, since one that has nothing to do looks again and again, and others are measured in between.
      const worker = defineWorker("echo", requireEcho, { queue, logger, pollIntervall: POLL_MS, onCompleted });
      const stopped = worker.start();
      await end;
      await worker.stop();
      await stopped;
    },
    close: () => queue.close(),
  };
}

function requireEcho({ data }: Job): void {
  const { a, b } = JSON.parse(data) as Small;
  if (a !== 1 || b !== "x") throw new Error(`${data} came back`);
}
