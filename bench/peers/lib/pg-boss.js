import pg from "pg";
import { PgBoss } from "pg-boss";
import { KINDS, unwrap, wrap } from "./run-job.js";
import { makeRunner } from "./runner.js";
import { untilNone } from "./wait.js";

/** @import { Contestant, Setup } from "../types.js" */

/**
 * @param {Pick<Contestant, "sizes" | "measures" | "settings"> & { readonly withPool: boolean }} variant
 * @returns {Contestant}
 */
export function pgBoss({ withPool, ...described }) {
  return {
    ...described,
    packages: ["pg-boss", ...(withPool ? ["piscina"] : [])],
    service: "postgres",
    waitingIn: "disk",
    feed: { noops: { chunk: 2_000, window: Infinity }, burn: { chunk: 1_000, window: Infinity }, http: { chunk: 100, window: 200 } },
    open: async (setup, done) => {
      const { boss, pool } = await openBoss(setup);
      const runner = makeRunner(withPool, setup.threads);
      const batchSize = setup.measure === "noops" ? 1_000 : 32;
      const localConcurrency = withPool || setup.measure === "noops" ? 2 : 1;
      for (const kind of KINDS[setup.measure]) {
        await boss.work(kind, { batchSize, localConcurrency, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 }, async (jobs) => {
          const run = async (/** @type {{ readonly data: unknown }} */ { data }) => done(await runner.run(kind, unwrap(data)));
          if (withPool) await Promise.all(jobs.map(run));
          else for (const job of jobs) await run(job);
        });
      }
      return {
        enqueue: (kind, payloads) => boss.insert(kind, payloads.map((payload) => ({ data: wrap(payload) }))),
        settled: () => untilNone(async () => (await pool.query("select from pgboss.job where state < 'completed' limit 1")).rowCount ?? 0),
        close: async () => {
          await boss.stop({ graceful: true, timeout: 5_000 });
          await runner.close();
          await pool.end();
        },
      };
    },
    waiting: async (setup, count) => {
      const { boss, pool } = await openBoss(setup);
      for (let left = count; left > 0; left -= 2_000) {
        await boss.insert("noop", Array.from({ length: Math.min(left, 2_000) }, () => ({ data: { a: 1, b: "x" } })));
      }
      // The table of all jobs is one of its partitions, with a name of its own.
      const { rows } = await pool.query(
        "select sum(pg_total_relation_size(inhrelid))::int as bytes from pg_inherits where inhparent = 'pgboss.job'::regclass",
      );
      return { bytes: rows[0].bytes };
    },
  };
}

/** @param {Setup} setup */
async function openBoss({ services, measure }) {
  const boss = new PgBoss({ connectionString: services.postgresUrl ?? "", useListenNotify: true, schedule: false, supervise: false });
  boss.on("error", (error) => {
    throw error;
  });
  await boss.start();
  for (const kind of KINDS[measure]) await boss.createQueue(kind, { notify: true });
  const pool = new pg.Pool({ connectionString: services.postgresUrl, max: 1 });
  // What others left would have to be passed over.
  await pool.query("truncate pgboss.job cascade");
  return { boss, pool };
}
