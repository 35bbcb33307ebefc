// The server whose answers must not be held up, and the client that keeps asking it.

import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";

export const REQUESTS_PER_SECOND = 100;

export async function startServer() {
  let answered = 0;
  const server = createServer((_request, response) => {
    answered += 1;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ answered, at: new Date() }));
  });
  // Longer than the demo: else, now and then, a request meets a connection that is just being closed for having been idle.
  server.keepAliveTimeout = 120_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

// Measures the server while `work` goes on.
export async function underTraffic(server, work) {
  const client = fork(new URL("./client.js", import.meta.url), [server.address().port, REQUESTS_PER_SECOND].map(String));
  try {
    await once(client, "message");
    const value = await work();
    const reported = once(client, "message");
    client.send("stop");
    const [{ latencies, failed }] = await reported;
    latencies.sort((a, b) => a - b);
    const at = (share) => latencies[Math.min(Math.floor(latencies.length * share), latencies.length - 1)] ?? NaN;
    return { value, http: { requests: latencies.length, failed, p50: at(0.5), p99: at(0.99), slowest: at(1) } };
  } finally {
    client.kill();
  }
}
