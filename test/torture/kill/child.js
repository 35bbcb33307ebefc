/**
 * An engine that works until it is killed: `node child.js <file>`; or until nothing is left: `node child.js <file> drain`. What it
 * knows to be stored and completed it appends to the ledger, at once, and its jobs do.
 */

import { openSync, writeSync } from "node:fs";
import { createEngine } from "millrace";
import { sqliteStorage } from "millrace/sqlite";

const [path, mode] = process.argv.slice(2);
const AT_ONCE = 20;
/** More would only be work for the last start. */
const MOST_WAITING = 200;

const ledger = openSync(process.env.MILLRACE_LEDGER, "a");
const say = (text) => writeSync(ledger, `${text}\n`);
const engine = createEngine({
  jobs: new URL("./jobs.js", import.meta.url),
  queues: { default: { threads: 2 } },
  storage: sqliteStorage({ path }),
  retention: { completed: { age: "1d", count: Infinity }, dead: { age: "1d", count: Infinity }, bytes: "1gb" },
});

let waiting = 0;

async function follow(n) {
  waiting += 1;
  const job = await engine.enqueue("work", n);
  say(`ENQ ${job.id}`);
  // Killed too often while nothing else ran, it is given up.
  const isDone = await job.result().then(
    () => true,
    ({ code }) => code !== "MILLRACE_CRASH_LOOP",
  );
  if (isDone) say(`DONE ${job.id}`);
  waiting -= 1;
}

const ready = engine.start().then(() => console.log("ready"));
if (mode === "drain") {
  await ready;
  await engine.drain();
  await engine.stop();
} else {
  for (let n = 0; ; n += AT_ONCE) {
    for (let index = 0; index < AT_ONCE && waiting < MOST_WAITING; index += 1) void follow(n + index);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
