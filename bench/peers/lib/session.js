// One contestant at work: feeds it, and counts what ends.

import { setImmediate } from "node:timers/promises";

/** @import { Contestant, Feed, Kind, Running, Setup } from "../types.js" */

/** So many jobs are handed in without letting anything else come to its turn. */
const BEFORE_YIELD = 1_000;

/**
 * `onDone` is told of each job that ended. Whoever waits for some replaces it.
 *
 * @typedef {{ running: Running, onDone: (result: unknown) => void }} Session
 */

/**
 * @template T
 * @param {Contestant} contestant
 * @param {Setup} setup
 * @param {(session: Session) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withSession(contestant, setup, work) {
  /** @type {Pick<Session, "onDone">} */
  const listener = { onDone: refuse };
  const running = await contestant.open(setup, (result) => listener.onDone(result));
  try {
    return await work(Object.assign(listener, { running }));
  } finally {
    await running.close();
  }
}

/** When nobody waits for a job, none may end. */
function refuse() {
  fail("a job ended that was not waited for: one of them ran twice");
}

/**
 * Ends the process: thrown where a job ends, it would only be taken for a job that failed, and run again.
 *
 * @param {string} message
 */
function fail(message) {
  queueMicrotask(() => {
    throw new Error(message);
  });
}

/**
 * Resolves when exactly so many jobs have ended, and are recorded as ended.
 *
 * @param {Session} session
 * @param {{ readonly kind: Kind, readonly jobs: number, readonly newPayload: () => unknown, readonly feed: Feed }} work
 */
export async function runAll(session, { kind, jobs, newPayload, feed: { chunk, window } }) {
  await keepFed(session, {
    kind,
    newPayload,
    more: (sent, ended) => {
      const size = Math.min(chunk, jobs - sent);
      return sent - ended + size <= window ? size : 0;
    },
    isOver: (_sent, ended) => ended === jobs,
  });
  await session.running.settled?.();
  // One that ends twice does so soon.
  await setImmediate();
}

/**
 * Keeps at least so many jobs under way for so many ms, then lets them end. It looks at the clock when a job ends, since timers may
 * never get their turn.
 *
 * @param {Session} session
 * @param {{ readonly kind: Kind, readonly ms: number, readonly newPayload: () => unknown, readonly feed: Feed }} work
 */
export async function runFor(session, { kind, ms, newPayload, feed: { chunk, window } }) {
  const until = performance.now() + ms;
  await keepFed(session, {
    kind,
    newPayload,
    more: (sent, ended) => (sent - ended < window && performance.now() < until ? chunk : 0),
    isOver: (sent, ended) => ended === sent && performance.now() >= until,
  });
  await session.running.settled?.();
}

/**
 * @param {Session} session
 * @param {{ readonly kind: Kind, readonly newPayload: () => unknown, readonly more: (sent: number, ended: number) => number,
 *   readonly isOver: (sent: number, ended: number) => boolean }} work `more` says how many to hand in next
 * @returns {Promise<void>}
 */
function keepFed(session, { kind, newPayload, more, isOver }) {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let ended = 0;
    let isFeeding = false;
    async function feed() {
      isFeeding = true;
      let untilYield = BEFORE_YIELD;
      for (let size = more(sent, ended); size > 0; size = more(sent, ended)) {
        sent += size;
        const accepted = session.running.enqueue(kind, Array.from({ length: size }, newPayload));
        if (accepted instanceof Promise) await accepted;
        untilYield -= size;
        if (untilYield > 0) continue;
        untilYield = BEFORE_YIELD;
        await setImmediate();
      }
      isFeeding = false;
      endIfOver();
    }
    function endIfOver() {
      if (isFeeding || !isOver(sent, ended)) return false;
      session.onDone = refuse;
      resolve();
      return true;
    }
    session.onDone = (result) => {
      ended += 1;
      if (kind === "noop" && !isEcho(result)) fail(`a job gave ${JSON.stringify(result)} back`);
      if (!endIfOver() && !isFeeding) feed().catch(reject);
    };
    feed().catch(reject);
  });
}

/** @returns {{ readonly a: number, readonly b: string }} what each job that does nothing is given, and gives back */
export function newEcho() {
  return { a: 1, b: "x" };
}

/**
 * @param {unknown} result
 * @returns {boolean}
 */
function isEcho(result) {
  return typeof result === "object" && result !== null && "a" in result && "b" in result && result.a === 1 && result.b === "x";
}

/**
 * @param {Session} session
 * @returns {Promise<number>} from handing one job in until it started, in µs
 */
export async function startOne(session) {
  /** @type {Promise<unknown>} */
  const started = new Promise((resolve) => {
    session.onDone = resolve;
  });
  const handedInAt = Number(process.hrtime.bigint());
  await session.running.enqueue("stamp", [0]);
  const startedAt = Number(await started);
  session.onDone = refuse;
  await session.running.settled?.();
  return (startedAt - handedInAt) / 1_000;
}
