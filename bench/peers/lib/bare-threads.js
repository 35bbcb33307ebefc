// Threads with nothing between them and their caller but messages.

import { Worker } from "node:worker_threads";

/**
 * @param {URL} file
 * @param {number} count
 * @returns {Promise<readonly Worker[]>}
 */
export async function startThreads(file, count) {
  const threads = Array.from({ length: count }, () => new Worker(file));
  await Promise.all(threads.map((thread) => new Promise((resolve) => thread.once("online", () => resolve(undefined)))));
  return threads;
}

/** @param {readonly Worker[]} threads */
export async function stopThreads(threads) {
  await Promise.all(threads.map((thread) => thread.terminate()));
}
