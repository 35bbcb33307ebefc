/** The file: made so that a half-made one is never found, and opened only if it is ours and whole. */

import { accessSync, closeSync, constants, existsSync, fsyncSync, linkSync, mkdirSync, openSync, realpathSync, rmSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { StorageError } from "../../errors.js";
import { type Database, openDatabase, problemOf } from "./driver.js";
import { number } from "./row.js";
import { APPLICATION_ID, migrate, SCHEMA_VERSION, versionOf } from "./schema.js";
import { lacksPages } from "./wholeness.js";

export interface FileOptions {
  readonly path: string;
  readonly durability: "full" | "relaxed";
}

/** How long a write waits for one of another process. */
const BUSY_MS = 5_000;

/** @throws StorageError that says what to do */
export function openStore(options: FileOptions): Database {
  const { path } = options;
  try {
    if (!existsSync(path)) create(path);
    return openExisting(options);
  } catch (error) {
    throw explained(error, path);
  }
}

/** Under another name first, and complete before it gets its own; `link` fails if somebody else was faster. */
function create(path: string): void {
  const folder = dirname(path);
  makeFolder(folder);
  requireNoRest(path);
  const draft = `${path}.new-${process.pid}-${draftTag()}`;
  try {
    const database = openDatabase(draft);
    try {
      database.exec(`PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL; PRAGMA application_id = ${APPLICATION_ID}`);
      migrate(database);
    } finally {
      database.close();
    }
    try {
      linkSync(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  } finally {
    for (const end of ["", "-wal", "-shm"]) rmSync(draft + end, { force: true });
  }
  syncFolder(folder);
}

/** SQLite would take what it holds for pages of the new file. @throws StorageError */
function requireNoRest(path: string): void {
  for (const rest of [`${path}-wal`, `${path}-journal`]) {
    if (!existsSync(rest) || statSync(rest).size === 0 || existsSync(path)) continue;
    throw new StorageError(`${path} is not there, but ${rest} is, which holds a part of it: put the file back, or, to begin anew, move ${rest} away too`);
  }
}

/** A folder that was made has its name in the one above it. */
function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true });
  if (first === undefined) return;
  let made = resolve(folder);
  do {
    made = dirname(made);
    syncFolder(made);
  } while (made !== dirname(resolve(first)) && made !== dirname(made));
}

/** Else the name of the file could be lost with the power, and all that is in it. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function openExisting({ path, durability }: FileOptions): Database {
  const stats = statSync(path);
  if (!stats.isFile()) throw new StorageError(`${path} is no file: give the path of one in a folder that can be written to`);
  if (stats.size === 0) {
    throw new StorageError(`${path} is empty, though a store never is: what was in it is lost. Restore it from a backup, or, to begin anew, move it away with its -wal and -shm`);
  }
  requireWritable(path);
  check(path);
  const database = openDatabase(path);
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    database.exec("PRAGMA journal_mode = WAL");
    database.exec(`PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`);
    // On macOS a sync does not reach the disk without it; others do not know it.
    database.exec("PRAGMA fullfsync = ON");
    // Beside what it was told to keep, a page cache of 16 MiB.
    database.exec("PRAGMA cache_size = -16384");
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** SQLite would open a file that it cannot write to as well, and tell with the first write. */
function requireWritable(path: string): void {
  const file = realpathSync(path);
  for (const each of [file, dirname(file)]) accessSync(each, constants.R_OK | constants.W_OK);
}

/**
 * Without a right to write, so that what is not ours, or is damaged, stays as it is: else SQLite brings into the file what lies beside it.
 *
 * Reading the file without SQLite is no way: closing it would end all locks that this process has on it.
 */
function check(path: string): void {
  const database = openDatabase(path, "read");
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    requireOurs(database, path);
    if (lacksPages(database, path)) throw new StorageError(`${path} is shorter than it was. ${adviceFor("corrupt") ?? ""}`);
  } finally {
    database.close();
  }
}

function requireOurs(database: Database, path: string): void {
  if (number(database.prepare("PRAGMA application_id").get()?.["application_id"]) !== APPLICATION_ID) {
    throw new StorageError(`${path} is a SQLite database of something else than Millrace, and is left alone: give another path`);
  }
  const version = versionOf(database);
  if (version > SCHEMA_VERSION || version < 1) {
    throw new StorageError(`${path} has schema version ${version}, and this release of Millrace knows none after ${SCHEMA_VERSION}: install the release that wrote it, or a newer one`);
  }
}

/** What the reader of an error can do. */
export function explained(error: unknown, path: string): StorageError {
  if (error instanceof StorageError) return error;
  const { message, code } = error as NodeJS.ErrnoException;
  // A row of ours that cannot be parsed is not as we wrote it.
  const advice = adviceFor(error instanceof SyntaxError ? "corrupt" : (problemOf(error) ?? code ?? "other"));
  return new StorageError(`${path}: ${message}${advice === undefined ? "" : `. ${advice}`}`, { cause: error });
}

function adviceFor(problem: string): string | undefined {
  switch (problem) {
    case "full":
    case "ENOSPC":
      return "The disk is full. What was acknowledged is safe; make room, and it goes on";
    case "io":
      return "The disk reported an error. What was acknowledged is safe as far as the disk is; look at the disk before anything else";
    case "corrupt":
      return "The file is damaged. Nothing was overwritten; move it away, with its -wal and -shm, and restore a backup, or save what `sqlite3 <file> .recover` finds";
    case "not-a-database":
      return "This is no SQLite database, and is left alone: give another path";
    case "read-only":
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "The file and its folder must be writable, since SQLite keeps two more files beside it";
    case "unfinished":
      return "Another program has left a transaction in it unfinished, and Millrace leaves it alone: open it with that program first, or give another path";
    case "cannot-open":
    case "EISDIR":
    case "ENOTDIR":
    case "EEXIST":
    case "ENOENT":
      return "It must be a file in a folder that can be written to";
    case "busy":
      return `Another process has held the file for longer than ${BUSY_MS} ms`;
    default:
      return undefined;
  }
}

let drafts = 0;

/** Several threads of one process may make a file at the same time. */
function draftTag(): string {
  drafts += 1;
  return `${process.hrtime.bigint()}-${drafts}`;
}
