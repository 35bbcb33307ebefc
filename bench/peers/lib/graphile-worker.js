import { Logger, makeWorkerUtils, run, runMigrations } from "graphile-worker";
import pg from "pg";
import { KINDS, unwrap, wrap } from "./run-job.js";
import { makeRunner } from "./runner.js";
import { untilNone } from "./wait.js";

/** @import { Contestant, Setup } from "../types.js" */

const logger = new Logger(() => () => undefined);
const JOBS = "graphile_worker._private_jobs";

/**
 * @param {Pick<Contestant, "sizes" | "measures" | "settings"> & { readonly withPool: boolean }} variant
 * @returns {Contestant}
 */
export function graphileWorker({ withPool, ...described }) {
  return {
    ...described,
    packages: ["graphile-worker", ...(withPool ? ["piscina"] : [])],
    service: "postgres",
    waitingIn: "disk",
    feed: { noops: { chunk: 2_000, window: Infinity }, burn: { chunk: 1_000, window: Infinity }, http: { chunk: 100, window: 200 } },
    open: async ({ services, measure, threads }, done) => {
      const pgPool = await openPool(services);
      const utils = await makeWorkerUtils({ pgPool, logger });
      const runner = makeRunner(withPool, threads);
      // Two for each thread, so that none waits for the queue.
      const concurrentJobs = withPool ? 4 * threads : measure === "noops" ? 24 : 2;
      const size = measure === "noops" ? 2_000 : measure === "start" ? -1 : 64;
      const worker = await run({
        pgPool,
        logger,
        noHandleSignals: true,
        preset: { worker: { concurrentJobs, pollInterval: 60_000, localQueue: { size }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
        taskList: Object.fromEntries(KINDS[measure].map((kind) => [kind, async (data) => done(await runner.run(kind, unwrap(data)))])),
      });
      return {
        enqueue: (kind, payloads) => utils.addJobs(payloads.map((payload) => ({ identifier: kind, payload: wrap(payload) }))),
        settled: () => untilNone(async () => (await pgPool.query(`select from ${JOBS} limit 1`)).rowCount ?? 0),
        close: async () => {
          await worker.stop();
          await utils.release();
          await runner.close();
          await pgPool.end();
        },
      };
    },
    waiting: async ({ services }, count) => {
      const pgPool = await openPool(services);
      const utils = await makeWorkerUtils({ pgPool, logger });
      for (let left = count; left > 0; left -= 2_000) {
        await utils.addJobs(Array.from({ length: Math.min(left, 2_000) }, () => ({ identifier: "noop", payload: { a: 1, b: "x" } })));
      }
      const { rows } = await pgPool.query(`select pg_total_relation_size('${JOBS}')::int as bytes`);
      return { bytes: rows[0].bytes };
    },
  };
}

/** @param {Setup["services"]} services */
async function openPool({ postgresUrl }) {
  const pgPool = new pg.Pool({ connectionString: postgresUrl, max: 20 });
  // It wants one. What fails is said by the calls.
  pgPool.on("error", () => undefined);
  await runMigrations({ pgPool, logger });
  // What others left would have to be passed over.
  await pgPool.query(`truncate ${JOBS}`);
  return pgPool;
}
