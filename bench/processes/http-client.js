// Asks a server at a steady rate and does not wait for its answers: a slow server must not be asked less often. In a process of its own,
// so that it shares nothing with the main thread that is measured but the cores.

import { Agent, get } from "node:http";

const agent = new Agent({ keepAlive: true });

/**
 * @param {number} port
 * @returns {Promise<number>} ms from sending the request to having the whole answer
 */
function ask(port) {
  const sentAt = performance.now();
  return new Promise((resolve, reject) => {
    get({ port, agent, host: "127.0.0.1" }, (response) => {
      response.resume();
      response.on("end", () => resolve(performance.now() - sentAt));
    }).on("error", reject);
  });
}

process.on("message", async ({ port, perSecond, ms }) => {
  const answers = [];
  const total = Math.round((perSecond * ms) / 1_000);
  const startedAt = performance.now();
  while (answers.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) * perSecond) / 1_000) + 1);
    while (answers.length < due) answers.push(ask(port));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  process.send(await Promise.all(answers));
});
process.on("disconnect", () => process.exit());
