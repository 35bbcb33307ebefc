import { isAbsolute } from "node:path";
import { describe, expect, it } from "vitest";
import { sqliteStorage, type SqliteStorageOptions } from "../../../src/storage/sqlite/sqlite-storage.js";

describe("the options of a SQLite storage", () => {
  it.each(["", ":memory:", "file:data/jobs.db", "a\0b", undefined, 5, new URL("file:///jobs.db")])("refuse %o as a path", (path) => {
    expect(() => sqliteStorage({ path } as SqliteStorageOptions)).toThrow(expect.objectContaining({ code: "MILLRACE_OPTIONS" }));
  });

  it.each([{ durability: "none" }, { minFreeSpace: -1 }, { minFreeSpace: NaN }, { file: "jobs.db" }])("refuse %o", (options) => {
    expect(() => sqliteStorage({ path: "jobs.db", ...options } as SqliteStorageOptions)).toThrow(expect.objectContaining({ code: "MILLRACE_OPTIONS" }));
  });

  it("take a relative path from where the process is now", () => {
    expect(isAbsolute(/\((.*)\)/.exec(sqliteStorage({ path: "data/jobs.db" }).name)?.[1] ?? "")).toBe(true);
  });
});
