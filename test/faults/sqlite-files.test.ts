/** Files that are no stores, or not whole: nobody can open them, or what is damaged is told when it is read, and nothing is overwritten. */

import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { claim, newJob, NOW } from "../../src/testing/storage-suite/sample-jobs.js";
import { newFile, newFolder } from "../sqlite-files.js";
import { canMount, contents, filledFile, makeReadOnly, newStorage, openStorage, refusal, withDatabase } from "./sqlite-stage.js";

/** Opening it fails, as often as it is tried, and leaves it as it is. */
async function cannotOpen(path: string, advice: RegExp): Promise<void> {
  const before = statSync(path).isFile() ? contents(path) : null;
  const storage = newStorage({ path });
  await refusal(storage.open(), path, advice);
  await refusal(storage.count(NOW), path, /is not open/);
  await refusal(storage.open(), path, advice);
  await storage.close();
  if (before !== null) expect(contents(path)).toEqual(before);
}

function foreign(path: string): void {
  withDatabase(path, (database) => {
    database.exec("PRAGMA application_id = 7; CREATE TABLE jobs (id TEXT); INSERT INTO jobs VALUES ('theirs')");
  });
}

describe("a file that is no store", () => {
  it("empty", async () => {
    const path = newFile();
    writeFileSync(path, "");
    await cannotOpen(path, /is empty.*Restore it from a backup/);
  });

  it.each([10, 99, 5_000])("%i bytes of garbage", async (length) => {
    const path = newFile();
    writeFileSync(path, Buffer.alloc(length, "garbage"));
    await cannotOpen(path, /no SQLite database.*give another path/);
  });

  it("a database of something else", async () => {
    const path = newFile();
    foreign(path);
    await cannotOpen(path, /something else than Millrace.*give another path/);
    expect(withDatabase(path, (database) => database.prepare("SELECT id FROM jobs").all())).toEqual([{ id: "theirs" }]);
  });

  it("a database of something else, with a log that was not brought into it", async () => {
    const source = newFile();
    const path = newFile();
    withDatabase(source, (database) => {
      database.exec("PRAGMA journal_mode = WAL; PRAGMA application_id = 7; CREATE TABLE theirs (id TEXT)");
      for (const end of ["", "-wal"]) writeFileSync(path + end, readFileSync(source + end));
    });
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
    await cannotOpen(path, /something else than Millrace/);
  });

  it("a database of something else, whose last transaction was cut short", async () => {
    const path = newFile();
    const source = newFile();
    foreign(source);
    withDatabase(source, (database) => {
      database.exec("PRAGMA cache_size = 1; PRAGMA journal_mode = DELETE; BEGIN");
      // More than the cache holds, so that the journal is complete, and the file half changed.
      for (let row = 0; row < 2_000; row += 1) database.exec(`INSERT INTO jobs VALUES ('${"x".repeat(100)}')`);
      for (const end of ["", "-journal"]) writeFileSync(path + end, readFileSync(source + end));
      database.exec("ROLLBACK");
    });
    expect(statSync(`${path}-journal`).size).toBeGreaterThan(0);
    await cannotOpen(path, /unfinished.*give another path|something else than Millrace/);
  });

  it("a directory", async () => {
    await cannotOpen(newFolder(), /is no file.*give the path of one/);
  });

  it("a path below a file", async () => {
    const path = newFile();
    writeFileSync(path, "a file");
    const below = join(path, "jobs.db");
    await refusal(newStorage({ path: below }).open(), below, /must be a file in a folder/);
  });

  it("a link to nowhere", async () => {
    const path = newFile();
    symlinkSync(join(newFolder(), "nowhere"), path);
    await refusal(newStorage({ path }).open(), path, /must be a file in a folder/);
  });
});

describe("a store", () => {
  it("of a newer release is left alone", async () => {
    const { path } = await filledFile();
    withDatabase(path, (database) => database.exec("PRAGMA user_version = 99"));
    await cannotOpen(path, /schema version 99.*install the release that wrote it/);
  });

  it("whose file was deleted, but not its log, is not mixed with a new one", async () => {
    const { path } = await filledFile({ log: true });
    rmSync(path);
    const before = contents(path);
    await refusal(newStorage({ path }).open(), path, /put the file back.*move .*-wal away/);
    expect(contents(path)).toEqual(before);
    rmSync(`${path}-wal`);
    expect(await (await openStorage({ path })).enqueue([newJob()], NOW)).toHaveLength(1);
  });

  it("as its killed process left it has all that was acknowledged", async () => {
    const { path, ids } = await filledFile({ log: true });
    const storage = await openStorage({ path });
    expect((await storage.get(ids, NOW)).every((row) => row?.state === "waiting")).toBe(true);
  });
});

describe("a file that was cut", () => {
  const CUTS: readonly (readonly [string, (size: number) => number])[] = [
    ["in half", (size) => Math.floor(size / 8_192) * 4_096],
    ["within a page", (size) => Math.floor(size / 2) + 1_000],
    ["by less than a page", (size) => size - 3_000],
  ];

  it.each(CUTS)("%s", async (_, cut) => {
    const { path } = await filledFile();
    truncateSync(path, cut(statSync(path).size));
    await cannotOpen(path, /damaged.*restore a backup|shorter than it was.*restore a backup/i);
  });

  // What is missing of a single page may be in the log, and then nothing is lost.
  it.each(CUTS.slice(0, 2))("%s, with its log", async (_, cut) => {
    const { path } = await filledFile({ log: true });
    truncateSync(path, cut(statSync(path).size));
    await cannotOpen(path, /damaged.*restore a backup|shorter than it was.*restore a backup/i);
  });
});

describe("pages in the middle of a file that were overwritten", () => {
  it.each([[0xff], [0]])("with bytes of %i are noticed when they are read, and all calls are answered", async (garbage) => {
    const { path, ids } = await filledFile();
    const pages = statSync(path).size / 4_096;
    const handle = openSync(path, "r+");
    const start = Math.floor(pages / 3);
    const damaged = Math.floor(pages / 3);
    writeSync(handle, Buffer.alloc(damaged * 4_096, garbage), 0, damaged * 4_096, start * 4_096);
    closeSync(handle);
    const storage = await openStorage({ path });
    const answers = await Promise.allSettled(ids.map((id) => storage.get([id], NOW)));
    const refused = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason as unknown] : []));
    expect(refused.length).toBeGreaterThan(0);
    // Those beside it in the same transaction are not drawn in.
    expect(refused.length).toBeLessThan(ids.length);
    await refusal(Promise.reject(refused[0]), path, /damaged.*restore a backup/);
    await Promise.allSettled([claim(storage), storage.enqueue([newJob()], NOW), storage.count(NOW), storage.list({ limit: 5_000, now: NOW })]);
    await storage.close().catch(() => undefined);
  });

  it("in one row: what cannot be parsed is told, and others are read", async () => {
    const { path, ids } = await filledFile();
    withDatabase(path, (database) => database.prepare("UPDATE jobs SET meta = '{\"half' WHERE id = ?").run(ids[7] ?? ""));
    const storage = await openStorage({ path });
    await refusal(storage.get([ids[7] ?? ""], NOW), path, /damaged.*restore a backup/);
    expect((await storage.get([ids[8] ?? ""], NOW))[0]?.state).toBe("waiting");
  });
});

describe.skipIf(!canMount)("where nothing can be written", () => {
  it("the folder", async () => {
    const { path } = await filledFile();
    makeReadOnly(dirname(path));
    await cannotOpen(path, /must be writable/);
    const beside = join(dirname(path), "new.db");
    await refusal(newStorage({ path: beside }).open(), beside, /in a folder that can be written to/);
    const below = join(dirname(path), "new", "new.db");
    await refusal(newStorage({ path: below }).open(), below, /can be written to/);
  });

  it("the file", async () => {
    const { path } = await filledFile();
    makeReadOnly(path);
    await cannotOpen(path, /must be writable/);
  });

  it("another folder that is not there is made", async () => {
    const path = join(newFolder(), "a", "b", "jobs.db");
    mkdirSync(dirname(dirname(path)));
    await openStorage({ path });
  });
});
