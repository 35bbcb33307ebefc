/**
 * The only file that knows a SQLite library: Node's own where there is one (from 22.13), else the package `better-sqlite3`. Both are
 * synchronous and are used in the storage's thread only.
 */

import { createRequire } from "node:module";
import { storable } from "./text.js";

export type SqlValue = string | number | null | Uint8Array;
/** A row, by the names of its columns. */
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** The values of a row, in the order of its columns. */
export type SqlTuple = readonly SqlValue[];

/** Gives many rows in half the time: there is no object to make for each. */
export interface TupleStatement {
  get(...values: readonly SqlValue[]): SqlTuple | undefined;
  all(...values: readonly SqlValue[]): readonly SqlTuple[];
}

export interface Statement {
  run(...values: readonly SqlValue[]): { readonly changes: number | bigint };
  get(...values: readonly SqlValue[]): SqlRow | undefined;
  all(...values: readonly SqlValue[]): readonly SqlRow[];
}

export interface Database {
  exec(sql: string): unknown;
  prepare(sql: string): Statement;
  prepareTuples(sql: string): TupleStatement;
  close(): unknown;
}

/** What the two libraries have in common, and by what each gives tuples: better-sqlite3, and Node from 22.16. */
interface LibraryStatement extends Statement {
  readonly raw?: (this: LibraryStatement, on: true) => unknown;
  readonly setReturnArrays?: (this: LibraryStatement, on: true) => unknown;
}

type DatabaseClass = new (path: string, options?: object) => Pick<Database, "exec" | "close"> & { prepare(sql: string): LibraryStatement };

/**
 * Opens a file, and makes it if it is not there and may be written.
 *
 * @throws an error that says so where there is no library, and the library's own errors
 */
export function openDatabase(path: string, access: "read" | "write" = "write"): Database {
  const builtIn = process.getBuiltinModule("node:sqlite") as { readonly DatabaseSync: DatabaseClass } | undefined;
  const Library = builtIn?.DatabaseSync ?? betterSqlite();
  // Each library has its own way to write it.
  const readOnly = builtIn === undefined ? { readonly: true } : { readOnly: true };
  const database = new Library(path, access === "read" ? readOnly : {});
  return {
    exec: (sql) => database.exec(sql),
    prepare: (sql) => storing(database.prepare(sql)),
    prepareTuples: (sql) => tuples(database.prepare(sql)),
    close: () => database.close(),
  };
}

/** The text of rows is made what it was by those who read it, in `row.ts`. */
function storing(statement: Statement): Statement {
  return {
    run: (...values: SqlValue[]) => statement.run(...allStorable(values)),
    get: (...values: SqlValue[]) => statement.get(...allStorable(values)),
    all: (...values: SqlValue[]) => statement.all(...allStorable(values)),
  };
}

function tuples(statement: LibraryStatement): TupleStatement {
  statement.raw?.(true);
  statement.setReturnArrays?.(true);
  const rows = storing(statement);
  const toTuple = (row: SqlRow | SqlTuple): SqlTuple => (Array.isArray(row) ? (row as SqlTuple) : Object.values(row as SqlRow));
  return {
    get: (...values) => {
      const row = rows.get(...values);
      return row === undefined ? undefined : toTuple(row);
    },
    all: (...values) => rows.all(...values).map(toTuple),
  };
}

/** In place: for every job there are many. */
function allStorable(values: SqlValue[]): readonly SqlValue[] {
  for (let index = 0; index < values.length; index += 1) values[index] = storableValue(values[index] ?? null);
  return values;
}

function storableValue(value: SqlValue): SqlValue {
  if (typeof value === "string") return storable(value);
  return value instanceof Uint8Array && value.byteLength === 0 ? NO_BYTES : value;
}

/** `node:sqlite` takes bytes that are nowhere for NULL. These are at the end of something. */
const NO_BYTES = new Uint8Array(new ArrayBuffer(1), 1, 0);

function betterSqlite(): DatabaseClass {
  try {
    return createRequire(import.meta.url)("better-sqlite3") as DatabaseClass;
  } catch (cause) {
    const message = "SQLite needs Node 22.13 or later, or the package better-sqlite3: npm install better-sqlite3";
    throw new Error(message, { cause });
  }
}

/** The primary result codes of SQLite that mean more to us than "it failed". */
export type SqliteProblem = "full" | "io" | "corrupt" | "not-a-database" | "read-only" | "unfinished" | "cannot-open" | "busy" | "other";

/** An extended code: somebody else's transaction is to be rolled back first. */
const READONLY_ROLLBACK = 776;

const PROBLEMS: ReadonlyMap<number, SqliteProblem> = new Map([
  [5, "busy"],
  [6, "busy"],
  [8, "read-only"],
  [10, "io"],
  [11, "corrupt"],
  [13, "full"],
  [14, "cannot-open"],
  [26, "not-a-database"],
]);
const PREFIXES: readonly (readonly [string, SqliteProblem])[] = [
  ["SQLITE_BUSY", "busy"],
  ["SQLITE_LOCKED", "busy"],
  ["SQLITE_READONLY_ROLLBACK", "unfinished"],
  ["SQLITE_READONLY", "read-only"],
  ["SQLITE_IOERR", "io"],
  ["SQLITE_CORRUPT", "corrupt"],
  ["SQLITE_FULL", "full"],
  ["SQLITE_CANTOPEN", "cannot-open"],
  ["SQLITE_NOTADB", "not-a-database"],
];

/** `null` if it is no error of SQLite. */
export function problemOf(error: unknown): SqliteProblem | null {
  const { code, errcode } = (error ?? {}) as { readonly code?: unknown; readonly errcode?: unknown };
  if (errcode === READONLY_ROLLBACK) return "unfinished";
  // The low byte of an extended code is the primary one.
  if (typeof errcode === "number") return PROBLEMS.get(errcode & 0xff) ?? "other";
  if (typeof code !== "string" || !code.startsWith("SQLITE_")) return null;
  return PREFIXES.find(([prefix]) => code.startsWith(prefix))?.[1] ?? "other";
}
