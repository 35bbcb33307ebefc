/** Requests at a steady rate, whatever the server does. */

import { Agent, get } from "node:http";

export const PER_SECOND = 200;
const TICK_MS = 1;

/**
 * Each request has its time, and how long it took counts from there: a server that is held up must not slow down those who ask.
 *
 * @returns what each took, in ms
 */
export async function load(port: number, total: number): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true });
  const startedAt = performance.now();
  const requests: Promise<number>[] = [];
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      for (; requests.length < total; ) {
        const dueAt = startedAt + (requests.length * 1_000) / PER_SECOND;
        if (dueAt > performance.now()) return;
        requests.push(ask(port, agent, dueAt));
      }
      clearInterval(timer);
      resolve();
    }, TICK_MS);
  });
  const taken = await Promise.all(requests);
  agent.destroy();
  return taken;
}

function ask(port: number, agent: Agent, dueAt: number): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, agent }, (response) => {
      response.resume().on("end", () => resolve(performance.now() - dueAt));
    }).on("error", reject);
  });
}
