/** Opened and closed in odd ways: every call is answered, and what was acknowledged is there. */

import type { Storage } from "millrace";
import { describe, expect, it } from "vitest";
import { newJob, NOW } from "../../src/testing/storage-suite/sample-jobs.js";
import { runProcess } from "../integration/processes.js";
import { newFile, newFolder } from "../sqlite-files.js";
import { newStorage, openStorage, refusal } from "./sqlite-stage.js";

const enqueuedIn = async (storage: Storage): Promise<number | undefined> => (await storage.count(NOW)).totals["default"]?.enqueued;

describe("a SQLite storage", () => {
  it("refuses calls before it was opened, and after it was closed", async () => {
    const path = newFile();
    const storage = newStorage({ path });
    await refusal(storage.enqueue([newJob()], NOW), path, /is not open/);
    await storage.close();
    await storage.open();
    const closing = storage.close();
    await refusal(storage.count(NOW), path, /is not open/);
    await closing;
    await refusal(storage.own("runner"), path, /is not open/);
  });

  it("that closes answers all calls that were under way", async () => {
    const path = newFile();
    const storage = await openStorage({ path });
    const calls = Array.from({ length: 1_000 }, () => storage.enqueue([newJob()], NOW));
    await storage.close();
    expect((await Promise.allSettled(calls)).every(({ status }) => status === "fulfilled")).toBe(true);
    expect(await enqueuedIn(await openStorage({ path }))).toBe(1_000);
  });

  it("is opened and closed by several at the same time, and once too often", async () => {
    const storage = newStorage({ path: newFile() });
    const opened = [storage.open(), storage.open(), storage.open()];
    const early = storage.enqueue([newJob()], NOW);
    await Promise.all(opened);
    expect(await early).toHaveLength(1);
    await Promise.all([storage.close(), storage.close()]);
    expect(await enqueuedIn(storage)).toBe(1);
    await Promise.all([storage.close(), storage.close(), storage.close()]);
    await storage.open();
    expect(await enqueuedIn(storage)).toBe(1);
  });

  it("that is closed while it opens, and opened while it closes, ends as it was told last", async () => {
    const path = newFile();
    const storage = newStorage({ path });
    await Promise.all([storage.open(), storage.close()]);
    await refusal(storage.count(NOW), path, /is not open/);
    await Promise.all([storage.open(), storage.close(), storage.open()]);
    await storage.enqueue([newJob()], NOW);
    await Promise.all([storage.close(), storage.open(), storage.close(), storage.open()]);
    expect(await enqueuedIn(storage)).toBe(1);
    for (let round = 0; round < 5; round += 1) {
      await storage.close();
      await storage.open();
    }
    expect(await enqueuedIn(storage)).toBe(1);
  });

  it("that cannot be opened tells all who try", async () => {
    const path = newFolder();
    const storage = newStorage({ path });
    const attempts = [storage.open(), storage.open()];
    const early = storage.count(NOW);
    for (const attempt of [...attempts, early]) await refusal(attempt, path, /is no file/);
    await storage.close();
    await refusal(storage.count(NOW), path, /is not open/);
  });

  it("refuses what cannot be posted to its thread, and goes on", async () => {
    const path = newFile();
    const storage = await openStorage({ path });
    const odd = { ...newJob(), meta: { key: (() => undefined) as never } };
    await refusal(storage.enqueue([odd], NOW), path, /enqueue was given what cannot be sent to a thread/);
    await storage.enqueue([newJob()], NOW);
  });

  it("that nobody closes does not keep its process alive, whatever was refused", async () => {
    expect(await runProcess("sqlite-left-open.js", [newFile(), newFolder()])).toMatchObject({ code: 0, lines: ["acknowledged", "refused", "refused", "ended"] });
  });
});
