/**
 * What SQLite takes at least for jobs: a thread that stores, claims and finishes them, with the tables and statements of the storage,
 * so many in a transaction, and does nothing else.
 */

import { parentPort, workerData } from "node:worker_threads";
import { JOB_COLUMNS } from "../../dist/src/storage/sqlite/row.js";
import { openStore } from "../../dist/src/storage/sqlite/store-file.js";

const { path, durability, batch } = workerData;
const database = openStore({ path, durability });
const insert = database.prepare(
  "INSERT INTO jobs (id, queue, name, state, ready, priority, run_at, max_retries, created_at, depth, payload) VALUES (?, 'default', 'echo', 'waiting', 1, 0, ?, 5, ?, 0, ?)",
);
const ready = database.prepareTuples(`SELECT fence, ${JOB_COLUMNS} FROM jobs WHERE ready = 1 AND queue = 'default' AND name = 'echo' ORDER BY priority, run_at, seq LIMIT ?`);
const claim = database.prepare(
  `UPDATE jobs SET state = 'running', ready = NULL, fence = fence + 1, attempt = attempt + 1, runner = 'bare', started_at = ? WHERE seq IN
   (SELECT seq FROM jobs WHERE ready = 1 AND queue = 'default' AND name = 'echo' ORDER BY priority, run_at, seq LIMIT ?)`,
);
const finish = database.prepare("UPDATE jobs SET state = 'completed', runner = NULL, result = ?, finished_at = ?, bytes = 20 WHERE seq = ? AND fence = ? AND state = 'running'");

const OLDEST = "FROM jobs WHERE finished_at IS NOT NULL AND queue = 'default' AND state = 'completed' ORDER BY finished_at, seq LIMIT ?";
const oldest = database.prepareTuples(`SELECT seq, queue, name, state, finished_at, bytes ${OLDEST}`);
const remove = database.prepare(`DELETE FROM jobs WHERE seq IN (SELECT seq ${OLDEST})`);
/** As many as an engine keeps by default. */
const KEPT = 1_000;

function transaction(work) {
  database.exec("BEGIN IMMEDIATE");
  work();
  database.exec("COMMIT");
}

let made = 0;
let kept = 0;

function run(jobs) {
  const payload = Buffer.from("ten bytes.");
  for (let first = 0; first < jobs; first += batch) {
    const count = Math.min(batch, jobs - first);
    const now = Date.now();
    transaction(() => {
      for (let index = 0; index < count; index += 1) insert.run(`01977777-0000-7000-8000-${String((made += 1)).padStart(12, "0")}`, now, now, payload);
    });
    let rows = [];
    transaction(() => {
      rows = ready.all(count);
      claim.run(now, count);
    });
    if (rows.length !== count) throw new Error(`${rows.length} of ${count} jobs were claimed`);
    transaction(() => {
      for (const [fence, seq] of rows) finish.run(payload, now, seq, fence + 1);
    });
    kept += count;
    if (kept <= KEPT) continue;
    transaction(() => {
      remove.run(oldest.all(kept - KEPT).length);
    });
    kept = KEPT;
  }
}

parentPort?.on("message", (jobs) => {
  run(jobs);
  parentPort?.postMessage("done");
});
parentPort?.postMessage("ready");
