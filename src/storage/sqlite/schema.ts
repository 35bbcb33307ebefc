/** The tables, and how they came to be. A file says in its header that it is ours (`application_id`) and which version it has (`user_version`). */

import type { Database } from "./driver.js";
import { number } from "./row.js";

/** "MILL". */
export const APPLICATION_ID = 0x4d494c4c;

/**
 * Every migration takes a file from the version that is its index to the next one. What has been released is never changed again; a new
 * version is a new entry.
 *
 * Numbers that need not be integers are `REAL`: in a `NUMERIC` column those beyond 2^53 would become integers that Node cannot read.
 *
 * `ready`: 1, the job waits for its turn; 0, for its time; null, for neither. `holds_key`: 1 while it is the one that has its unique key.
 * `deaths`: how many processes in a row died while it was claimed; `alone`: 1 while it runs with nothing beside it, because of them.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    ready INTEGER,
    priority REAL NOT NULL,
    run_at REAL NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    max_retries REAL,
    fence INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    alone INTEGER,
    runner TEXT,
    created_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL,
    timeout_ms REAL,
    depth INTEGER NOT NULL,
    unique_key TEXT,
    unique_until TEXT,
    holds_key INTEGER,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    progress REAL,
    result_moved INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    backoff TEXT,
    meta TEXT,
    failure TEXT,
    payload BLOB NOT NULL,
    result BLOB
  );
  CREATE INDEX jobs_ready ON jobs (queue, name, priority, run_at, seq) WHERE ready = 1;
  CREATE INDEX jobs_future ON jobs (run_at) WHERE ready = 0;
  CREATE INDEX jobs_running ON jobs (queue) WHERE state = 'running';
  CREATE INDEX jobs_suspects ON jobs (queue, name) WHERE deaths >= 2;
  CREATE INDEX jobs_finished ON jobs (queue, state, finished_at, seq) WHERE finished_at IS NOT NULL;
  CREATE UNIQUE INDEX jobs_unique ON jobs (name, unique_key) WHERE holds_key = 1;
  CREATE TABLE counts (queue TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (queue, name, state)) WITHOUT ROWID;
  CREATE TABLE totals (
    queue TEXT PRIMARY KEY,
    enqueued INTEGER NOT NULL DEFAULT 0,
    completed INTEGER NOT NULL DEFAULT 0,
    dead INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    finished_bytes INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE TABLE paused (queue TEXT PRIMARY KEY);
  CREATE TABLE schedules (
    seq INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    every_ms REAL NOT NULL,
    next_at REAL NOT NULL,
    template TEXT NOT NULL,
    payload BLOB NOT NULL
  );
  CREATE TABLE owner (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    runner TEXT,
    epoch INTEGER NOT NULL,
    pid INTEGER,
    process_started TEXT,
    boot TEXT,
    host TEXT,
    heartbeat_at REAL
  );
  INSERT INTO owner (one, epoch) VALUES (1, 0);
  CREATE TABLE clients (one INTEGER PRIMARY KEY CHECK (one = 1), seen_at NUMERIC NOT NULL);
  INSERT INTO clients (one, seen_at) VALUES (1, 0);
  CREATE TABLE ended (seq INTEGER PRIMARY KEY, id TEXT NOT NULL);
  CREATE VIEW jobs_for_people AS
    SELECT id, queue, name, state, attempt, priority,
      strftime('%Y-%m-%d %H:%M:%f', run_at / 1000.0, 'unixepoch') AS run_at,
      strftime('%Y-%m-%d %H:%M:%f', created_at / 1000.0, 'unixepoch') AS created_at,
      strftime('%Y-%m-%d %H:%M:%f', started_at / 1000.0, 'unixepoch') AS started_at,
      strftime('%Y-%m-%d %H:%M:%f', finished_at / 1000.0, 'unixepoch') AS finished_at,
      json_extract(failure, '$.error.message') AS failure,
      length(payload) AS payload_bytes, length(result) AS result_bytes
    FROM jobs ORDER BY seq;
  `,
];

/** What this release of Millrace writes. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

/** Brings a file to the newest version, in one transaction: two processes may come at the same time. */
export function migrate(database: Database): void {
  if (versionOf(database) === SCHEMA_VERSION) return;
  database.exec("BEGIN IMMEDIATE");
  try {
    const version = versionOf(database);
    for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

/** 0: nothing is there yet. */
export function versionOf(database: Database): number {
  return number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
}
