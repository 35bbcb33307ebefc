// What is measured of a contestant, in its own process.

import { createServer } from "node:http";
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { newEcho, runAll, runFor, startOne, withSession } from "./session.js";

/** @import { AddressInfo } from "node:net" */
/** @import { Bytes, Contestant, Request, Setup, Starts, Timing, Waiting } from "../types.js" */

const WARM_UP = { share: 0.2, burns: 100, starts: 20, startMs: 300 };
/** Between two jobs that find everything idle, at random, so that a poll comes at any time. */
const PAUSE_MS = { least: 1, most: 21 };
/** The threads sleep while jobs are put in a row. */
const SLEEP_MS = 30_000;

setFlagsFromString("--expose-gc");
const collectGarbage = /** @type {() => void} */ (runInNewContext("gc"));

/**
 * @param {Contestant} contestant
 * @param {Extract<Request, { op: "noops" }>} request
 * @returns {Promise<Timing>}
 */
export function measureNoops(contestant, { setup, jobs }) {
  const work = { kind: /** @type {const} */ ("noop"), newPayload: newEcho, feed: contestant.feed.noops };
  return withSession(contestant, setup, async (session) => {
    await runAll(session, { ...work, jobs: Math.ceil(jobs * WARM_UP.share) });
    collectGarbage();
    return timed(jobs, () => runAll(session, { ...work, jobs }));
  });
}

/**
 * @param {Contestant} contestant
 * @param {Extract<Request, { op: "burn" }>} request
 * @returns {Promise<Timing>}
 */
export function measureBurn(contestant, { setup, jobs, steps }) {
  const work = { kind: /** @type {const} */ ("burn"), newPayload: () => steps, feed: contestant.feed.burn };
  return withSession(contestant, setup, async (session) => {
    await runAll(session, { ...work, jobs: WARM_UP.burns });
    collectGarbage();
    return timed(jobs, () => runAll(session, { ...work, jobs }));
  });
}

/**
 * Answers requests while jobs run. How long the answers take is for the other side to say.
 *
 * @param {Contestant} contestant
 * @param {Extract<Request, { op: "http" }>} request
 * @param {(port: number) => Promise<void>} onListening
 * @returns {Promise<Timing>}
 */
export function measureHttp(contestant, { setup, ms, steps, requests }, onListening) {
  const work = { kind: /** @type {const} */ ("burn"), newPayload: () => steps };
  return withSession(contestant, setup, async (session) => {
    await runAll(session, { ...work, jobs: WARM_UP.burns, feed: contestant.feed.burn });
    /** @type {(value?: undefined) => void} */
    let onAllAnswered = () => undefined;
    const allAnswered = new Promise((resolve) => (onAllAnswered = resolve));
    let answered = 0;
    const server = createServer((_request, response) => {
      response.end("ok", () => {
        answered += 1;
        if (answered === requests) onAllAnswered();
      });
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
    await onListening(/** @type {AddressInfo} */ (server.address()).port);
    let jobs = 0;
    const newPayload = () => {
      jobs += 1;
      return steps;
    };
    const { seconds } = await timed(0, () => runFor(session, { ...work, newPayload, ms, feed: contestant.feed.http }));
    // Some may have asked while nobody was there to hear them.
    await allAnswered;
    server.close();
    return { jobs, seconds };
  });
}

/**
 * @param {number} jobs
 * @param {() => Promise<void>} work
 * @returns {Promise<Timing>}
 */
async function timed(jobs, work) {
  const startedAt = performance.now();
  await work();
  return { jobs, seconds: (performance.now() - startedAt) / 1_000 };
}

/**
 * @param {Contestant} contestant
 * @param {Extract<Request, { op: "start" }>} request at most so many jobs, for so many ms
 * @returns {Promise<Starts>}
 */
export function measureStart(contestant, { setup, jobs, ms }) {
  return withSession(contestant, setup, async (session) => {
    await startSome(session, WARM_UP.starts, WARM_UP.startMs);
    collectGarbage();
    return { us: await startSome(session, jobs, ms) };
  });
}

/**
 * @param {import("./session.js").Session} session
 * @param {number} jobs
 * @param {number} ms
 * @returns {Promise<number[]>}
 */
async function startSome(session, jobs, ms) {
  const until = performance.now() + ms;
  /** @type {number[]} */
  const us = [];
  while (us.length < jobs && (us.length === 0 || performance.now() < until)) {
    await setTimeout(PAUSE_MS.least + Math.random() * (PAUSE_MS.most - PAUSE_MS.least));
    us.push(await startOne(session));
  }
  return us;
}

/**
 * The process is of no use after this: the jobs are still there.
 *
 * @param {Contestant} contestant
 * @param {Extract<Request, { op: "memory" }>} request
 * @returns {Promise<Bytes>}
 */
export async function measureMemory(contestant, { setup, jobs }) {
  const put = contestant.waiting ?? (await behindSleepers(contestant, setup));
  const before = usedMemory();
  const { bytes, ...waiting } = await put(setup, jobs);
  const grown = usedMemory() - before;
  // Looked at last, so that what it holds was there all the time.
  if (waiting.kept === null) throw new Error("nothing was kept");
  return { bytesPerJob: (bytes ?? grown) / jobs };
}

/**
 * @param {Contestant} contestant
 * @param {Setup} setup
 * @returns {Promise<(setup: Setup, jobs: number) => Promise<Waiting>>}
 */
async function behindSleepers(contestant, setup) {
  const running = await contestant.open(setup, () => undefined);
  // One at a time, since those of one call may come to one thread.
  for (let sleeper = 0; sleeper < 2 * setup.threads; sleeper += 1) await running.enqueue("sleep", [SLEEP_MS]);
  // Until they do.
  await setTimeout(200);
  return async (_setup, jobs) => {
    const { chunk } = contestant.feed.noops;
    for (let left = jobs; left > 0; left -= chunk) await running.enqueue("noop", Array.from({ length: Math.min(chunk, left) }, newEcho));
    return { kept: running };
  };
}

function usedMemory() {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
