// Puts jobs into a store, claims, completes, cancels and removes them, and notes what was acknowledged, until it kills itself in the middle:
// the files that it leaves are compared with what was seen written. Usage: workload.js <store> <notes> <durability> <rounds> <seed>

import { openSync, writeSync } from "node:fs";
import { seededRandom } from "../../../dist/src/testing/seeded-random.js";
import { sqliteStorage } from "millrace/sqlite";

const [, , path, notes, durability, rounds, seed] = process.argv;
const SESSIONS = 3;
const PRODUCERS = 3;
const NOW = 1_700_000_000_000;
const random = seededRandom(Number(seed));
const notesFd = openSync(notes, "w");

let batches = 0;
for (let session = 1; session <= SESSIONS; session += 1) {
  const storage = sqliteStorage({ path, durability, minFreeSpace: 0 });
  await storage.open();
  await storage.own("runner");
  const perSession = Number(rounds) / SESSIONS;
  await Promise.all([...Array.from({ length: PRODUCERS }, () => produce(storage, perSession)), run(storage, perSession)]);
  // The file beside it goes and comes again.
  if (session < SESSIONS) await storage.close();
}
process.kill(process.pid, "SIGKILL");

function note(...words) {
  writeSync(notesFd, words.join(" "));
}

function int(most) {
  return Math.floor(random() * (most + 1));
}

async function produce(storage, count) {
  for (let round = 0; round < count; round += 1) {
    batches += 1;
    const size = 1 + int(4);
    // What a job is, can be told from its id.
    const jobs = Array.from({ length: size }, (_, index) => newJob(`${String(batches).padStart(6, "0")}.${index}.${size}.${int(10) === 0 ? int(20_000) : int(1_000)}`));
    await storage.enqueue(jobs, NOW);
    note("enqueued", ...jobs.map(({ id }) => id));
    if (int(9) > 0) continue;
    const { id } = jobs[0];
    const [answer] = await storage.cancel([id], NOW);
    if (answer === "cancelled") note("cancelled", id);
  }
}

async function run(storage, count) {
  const removable = [];
  for (let round = 0; round < count; round += 1) {
    const jobs = await storage.claim({ queue: "default", names: ["job"], limit: 1 + int(11), runner: "runner", now: NOW });
    for (const { id, fence } of jobs) note("claimed", id, fence);
    const applied = await storage.complete(jobs.map(completed));
    const done = jobs.filter((_, index) => applied[index]).map(({ id }) => id);
    note("completed", ...done);
    removable.push(...done.filter(() => int(3) === 0));
    const id = round % 4 === 0 ? removable.shift() : undefined;
    if (id === undefined) continue;
    note("removing", id);
    if ((await storage.change({ action: "remove", id, now: NOW })) === "changed") note("removed", id);
  }
}

function newJob(id) {
  return {
    ...{ id, name: "job", queue: "default", payload: Buffer.alloc(Number(id.split(".")[3]), id), attachments: [], priority: 0, maxRetries: 3 },
    ...{ backoff: null, timeoutMs: null, depth: 0, runAt: NOW, createdAt: NOW, unique: null, meta: {} },
  };
}

function completed({ id, fence, attempt, runAt, failure }) {
  return { id, fence, to: "completed", attempt, runAt, failure, result: Buffer.from(`result of ${id}`), resultMoved: false, progress: null, at: NOW };
}
