// A process of its own that asks the server for something at a fixed rate, and measures how long each answer takes.
//
// Each request has a time at which it is to be sent, and its latency counts from then. It is sent whether or not the ones before
// have been answered. So while the server stalls, the requests that pile up count with all the time they wait: a client that
// waits for one answer before it sends the next would see a stall of a second as one slow request.

import { Agent, get } from "node:http";

const [port, perSecond] = process.argv.slice(2).map(Number);
const intervalMs = 1_000 / perSecond;
const agent = new Agent({ keepAlive: true });

function ask() {
  return new Promise((resolve, reject) => {
    const request = get({ port, host: "127.0.0.1", path: "/", agent }, (response) => {
      response.resume().on("end", () => (response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`))));
    });
    request.on("error", reject);
  });
}

const latencies = [];
let failed = 0;
let sent = 0;
let timer;
const underWay = new Set();
const startedAt = performance.now();

function send(dueAt) {
  const answer = ask().then(
    () => latencies.push(performance.now() - dueAt),
    () => (failed += 1),
  );
  underWay.add(answer);
  answer.finally(() => underWay.delete(answer));
}

function sendWhatIsDue() {
  const nextAt = () => startedAt + sent * intervalMs;
  for (; nextAt() <= performance.now(); sent += 1) send(nextAt());
  timer = setTimeout(sendWhatIsDue, Math.max(nextAt() - performance.now(), 0));
}

process.once("message", async () => {
  clearTimeout(timer);
  await Promise.all(underWay);
  agent.destroy();
  process.send({ latencies, failed }, () => process.disconnect());
});
// If the demo is interrupted, so is its client.
process.once("disconnect", () => process.exit());

sendWhatIsDue();
process.send("started");
