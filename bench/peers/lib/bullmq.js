import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { runJob } from "./run-job.js";

/** @import { Contestant, Kind, Setup } from "../types.js" */

const sandboxFile = new URL("../threads/bullmq.js", import.meta.url);
const NAME = "jobs";

/**
 * @param {Pick<Contestant, "sizes" | "measures" | "settings"> & { readonly inSandbox: boolean }} variant
 * @returns {Contestant}
 */
export function bullmq({ inSandbox, ...described }) {
  return {
    ...described,
    packages: ["bullmq", "ioredis"],
    service: "redis",
    waitingIn: "redis",
    feed: { noops: { chunk: 1_000, window: Infinity }, burn: { chunk: 500, window: Infinity }, http: { chunk: 100, window: 200 } },
    open: async ({ services, measure, threads }, done) => {
      const { connection, queue } = await openQueue(services);
      const processor = inSandbox ? sandboxFile : process;
      const concurrency = inSandbox ? threads : measure === "noops" ? 100 : 4;
      const worker = new Worker(NAME, processor, { connection, concurrency, useWorkerThreads: inSandbox });
      worker.on("completed", (_job, result) => done(result));
      worker.on("error", (error) => {
        throw error;
      });
      await worker.waitUntilReady();
      return {
        enqueue: (kind, payloads) => queue.addBulk(payloads.map((data) => ({ name: kind, data }))),
        close: async () => {
          await worker.close();
          await queue.close();
        },
      };
    },
    waiting: async ({ services }, count) => {
      const { connection, queue } = await openQueue(services);
      const redis = new Redis(connection);
      const before = await usedBytes(redis);
      for (let left = count; left > 0; left -= 1_000) {
        await queue.addBulk(Array.from({ length: Math.min(left, 1_000) }, () => ({ name: "noop", data: { a: 1, b: "x" } })));
      }
      return { bytes: (await usedBytes(redis)) - before };
    },
  };
}

/**
 * @param {{ readonly name: string, readonly data: unknown }} job
 * @returns {Promise<unknown>}
 */
async function process({ name, data }) {
  return runJob(/** @type {Kind} */ (name), data);
}

/** @param {Setup["services"]} services */
async function openQueue({ redisPort = 0 }) {
  const connection = { host: "127.0.0.1", port: redisPort, maxRetriesPerRequest: null };
  const redis = new Redis(connection);
  // The server is our own. What others left would have to be passed over.
  await redis.flushall();
  await redis.quit();
  const queue = new Queue(NAME, { connection, defaultJobOptions: { removeOnComplete: true, removeOnFail: true } });
  await queue.waitUntilReady();
  return { connection, queue };
}

/**
 * @param {Redis} redis
 * @returns {Promise<number>}
 */
async function usedBytes(redis) {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]);
}
