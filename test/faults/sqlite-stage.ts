/** Stores on real files, and the damage that can be done to those. */

import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Storage } from "millrace";
import { sqliteStorage, type SqliteStorageOptions } from "millrace/sqlite";
import { expect, onTestFinished } from "vitest";
import { type Database, openDatabase } from "../../src/storage/sqlite/driver.js";
import { newJob, NOW } from "../../src/testing/storage-suite/sample-jobs.js";
import { newFile, newFolder } from "../sqlite-files.js";

/** Without what a loss of power needs, to be quick. */
export function newStorage(options: SqliteStorageOptions): Storage {
  const storage = sqliteStorage({ durability: "relaxed", ...options });
  onTestFinished(async () => storage.close().catch(() => undefined));
  return storage;
}

export async function openStorage(options: SqliteStorageOptions): Promise<Storage> {
  const storage = newStorage(options);
  await storage.open();
  return storage;
}

/** The rejection of a promise: it must name the file and say what to do. */
export async function refusal(promise: Promise<unknown>, path: string, advice: RegExp): Promise<void> {
  const error: unknown = await promise.then(
    (value) => expect.fail(`it did not reject, but said ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: "StorageError", code: "MILLRACE_STORAGE" });
  const { message } = error as Error;
  expect(message).toContain(path);
  expect(message).toMatch(advice);
}

/** What is in the file and in its log; nothing is the same as no file. */
export function contents(path: string): readonly (string | null)[] {
  return [path, `${path}-wal`].map((file) => {
    const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
    return bytes.length === 0 ? null : createHash("sha256").update(bytes).digest("hex");
  });
}

export function withDatabase<Value>(path: string, work: (database: Database) => Value): Value {
  const database = openDatabase(path);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** A store of thousands of jobs that was closed; with a log, it is as its process left it that was killed. */
export async function filledFile({ log = false }: { readonly log?: boolean } = {}): Promise<{ readonly path: string; readonly ids: readonly string[] }> {
  const source = newFile();
  const storage = await openStorage({ path: source });
  const ids: string[] = [];
  for (let batch = 0; batch < 6; batch += 1) {
    const jobs = Array.from({ length: 500 }, (_, index) => newJob({ payload: new Uint8Array(300 + (index % 700)).fill(index) }));
    await storage.enqueue(jobs, NOW);
    ids.push(...jobs.map(({ id }) => id));
  }
  if (!log) await storage.close();
  const path = newFile();
  copyFileSync(source, path);
  if (log) copyFileSync(`${source}-wal`, `${path}-wal`);
  return { path, ids };
}

/** Whether this machine lets us mount; tests that need it are left out where it does not. */
export const canMount: boolean = tryToMount();

function tryToMount(): boolean {
  try {
    execFileSync("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"], { stdio: "ignore" });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

function mount(args: readonly string[], folder: string): void {
  execFileSync("mount", [...args, folder], { stdio: "ignore" });
  onTestFinished(() => void execFileSync("umount", ["--lazy", folder], { stdio: "ignore" }));
}

/** A disk of its own. */
export function newDisk(bytes: number): string {
  const folder = join(newFolder(), "disk");
  mkdirSync(folder);
  mount(["-t", "tmpfs", "-o", `size=${bytes}`, "none"], folder);
  return folder;
}

/** From now on nobody can write to the file or the folder. */
export function makeReadOnly(path: string): void {
  mount(["--bind", path], path);
  execFileSync("mount", ["-o", "remount,ro,bind", path], { stdio: "ignore" });
}
