import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import Database from "better-sqlite3";
import { better, defineQueue, defineWorker } from "plainjob";
import { KINDS } from "./run-job.js";
import { makeRunner } from "./runner.js";

/** @import { Contestant, Setup } from "../types.js" */

const POLL_MS = 10;
const silent = () => undefined;
const logger = { error: console.error, warn: silent, info: silent, debug: silent };

/**
 * @param {Pick<Contestant, "sizes" | "measures" | "settings"> & { readonly withPool: boolean }} variant
 * @returns {Contestant}
 */
export function plainjob({ withPool, ...described }) {
  return {
    ...described,
    packages: ["plainjob", "better-sqlite3", ...(withPool ? ["piscina"] : [])],
    waitingIn: "disk",
    feed: { noops: { chunk: 1_000, window: Infinity }, burn: { chunk: 1_000, window: Infinity }, http: { chunk: 100, window: 200 } },
    open: async ({ folder, measure, threads }, done) => {
      const { queue } = await openQueue(folder);
      const runner = makeRunner(withPool, threads);
      /** @type {Map<number, unknown>} */
      const results = new Map();
      const workers = KINDS[measure].flatMap((kind) =>
        Array.from({ length: withPool ? 2 * threads : 1 }, () =>
          defineWorker(kind, async ({ id, data }) => void results.set(id, await runner.run(kind, JSON.parse(data))), {
            queue,
            logger,
            pollIntervall: POLL_MS,
            onCompleted: ({ id }) => {
              const result = results.get(id);
              results.delete(id);
              done(result);
            },
          }),
        ),
      );
      const ends = workers.map((worker) => worker.start());
      return {
        enqueue: (kind, payloads) => void queue.addMany(kind, [...payloads]),
        close: async () => {
          await Promise.all(workers.map((worker) => worker.stop()));
          await Promise.all(ends);
          queue.close();
          await runner.close();
        },
      };
    },
    waiting: async ({ folder }, count) => {
      const { queue, database, file } = await openQueue(folder);
      for (let left = count; left > 0; left -= 1_000) {
        queue.addMany(
          "noop",
          Array.from({ length: Math.min(left, 1_000) }, () => ({ a: 1, b: "x" })),
        );
      }
      database.pragma("wal_checkpoint(truncate)");
      return { bytes: (await stat(file)).size };
    },
  };
}

/** @param {Setup["folder"]} folder */
async function openQueue(folder) {
  const file = join(folder, "jobs.db");
  // What others left would have to be passed over.
  for (const ending of ["", "-wal", "-shm"]) await rm(`${file}${ending}`, { force: true });
  const database = new Database(file);
  return { queue: defineQueue({ connection: better(database), logger }), database, file };
}
