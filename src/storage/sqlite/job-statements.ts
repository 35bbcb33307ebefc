/** What `Jobs` asks SQLite. */

import type { Database, Statement, TupleStatement } from "./driver.js";
import { JOB_COLUMNS, NEW_COLUMNS } from "./row.js";

/** What must be known of a job to move it. */
const MOVED = "seq, id, queue, name, state, run_at, unique_key, bytes";

/** In which jobs of a queue are claimed. */
const ORDER = "priority, run_at, seq";
const READY = `FROM jobs WHERE ready = 1 AND queue = ? AND name = ? ORDER BY ${ORDER} LIMIT ?`;
const CLAIM = `UPDATE jobs SET state = 'running', ready = NULL, fence = fence + 1, attempt = attempt + 1, runner = ?, started_at = ?, cancel_requested = 0,
  holds_key = CASE unique_until WHEN 'started' THEN NULL ELSE holds_key END`;
const ENDED = "attempt = ?, run_at = ?, failure = ?, result = ?, result_moved = ?, progress = ?, runner = NULL, alone = NULL";

type OfOneJob = "exists" | "find" | "holder" | "holdKey" | "insert" | "putOff" | "claim" | "finish" | "weigh" | "putBack" | "wishToCancel" | "cancel" | "retry" | "remove" | "reclaim";
type OfMany = "claimFirst" | "running" | "runningOf" | "cancelling";
type OfTuples = "job" | "ready" | "readyOrder";
export type JobStatements = Readonly<Record<OfOneJob | OfMany, Statement> & Record<OfTuples, TupleStatement>>;

export function jobStatements(database: Database): JobStatements {
  const prepare = (sql: string): Statement => database.prepare(sql);
  const places = NEW_COLUMNS.replaceAll(/\w+/g, "?");
  return {
    exists: prepare("SELECT 1 FROM jobs WHERE id = ?"),
    find: prepare(`SELECT ${MOVED} FROM jobs WHERE id = ?`),
    job: database.prepareTuples(`SELECT ${JOB_COLUMNS} FROM jobs WHERE seq = ?`),
    holder: prepare("SELECT id FROM jobs WHERE name = ? AND unique_key = ? AND holds_key = 1"),
    holdKey: prepare("UPDATE jobs SET holds_key = 1 WHERE seq = ?"),
    insert: prepare(`INSERT INTO jobs (${NEW_COLUMNS}) VALUES (${places}) ON CONFLICT (id) DO NOTHING`),
    ready: database.prepareTuples(`SELECT ${JOB_COLUMNS} ${READY}`),
    readyOrder: database.prepareTuples(`SELECT ${ORDER} ${READY}`),
    putOff: prepare("UPDATE jobs SET ready = 0, state = CASE state WHEN 'waiting' THEN 'scheduled' ELSE state END WHERE seq = ?"),
    claim: prepare(`${CLAIM} WHERE seq = ?`),
    claimFirst: prepare(`${CLAIM} WHERE seq IN (SELECT seq ${READY})`),
    finish: prepare(`UPDATE jobs SET state = ?, ${ENDED}, finished_at = ?, bytes = ?, holds_key = NULL, deaths = 0 WHERE seq = ? AND id = ? AND fence = ? AND state = 'running'`),
    weigh: prepare(`SELECT ${MOVED}, length(payload) AS payload_bytes FROM jobs WHERE id = ?`),
    putBack: prepare(`UPDATE jobs SET state = ?, ready = ?, ${ENDED}, started_at = NULL, deaths = deaths * ? WHERE id = ? AND fence = ? AND state = 'running' RETURNING ${MOVED}`),
    wishToCancel: prepare("UPDATE jobs SET cancel_requested = 1 WHERE seq = ?"),
    cancel: prepare(`UPDATE jobs SET state = 'cancelled', ready = NULL, finished_at = ?, holds_key = NULL, deaths = 0, bytes = length(payload) + coalesce(length(result), 0) WHERE seq = ? RETURNING bytes`),
    retry: prepare(
      `UPDATE jobs SET state = ?, ready = ?, run_at = ?, attempt = 0, started_at = NULL, finished_at = NULL, failure = NULL, result = NULL,
       result_moved = 0, cancel_requested = 0, progress = NULL, bytes = 0, deaths = 0 WHERE seq = ?`,
    ),
    remove: prepare("DELETE FROM jobs WHERE seq = ?"),
    // With a plus, lest SQLite walk through all jobs to have them in order.
    running: prepare(`SELECT ${MOVED}, runner, fence FROM jobs WHERE state = 'running' ORDER BY +seq`),
    runningOf: prepare(`SELECT ${MOVED}, runner, fence FROM jobs WHERE state = 'running' AND queue = ? ORDER BY +seq`),
    cancelling: prepare("SELECT id FROM jobs WHERE state = 'running' AND cancel_requested = 1"),
    reclaim: prepare("UPDATE jobs SET state = ?, ready = ?, attempt = attempt - 1, runner = NULL, started_at = NULL, alone = NULL WHERE seq = ?"),
  };
}
