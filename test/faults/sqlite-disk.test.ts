/** The disk fails, or somebody takes the file away while it is open. */

import { execFile } from "node:child_process";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { claim, claimOne, ending, newJob, NOW } from "../../src/testing/storage-suite/sample-jobs.js";
import { compilePreload, whyNoPreload } from "../preload.js";
import { newFile, newFolder } from "../sqlite-files.js";
import { contents, openStorage, refusal } from "./sqlite-stage.js";

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/processes/${name}`, import.meta.url));

interface Line {
  readonly id?: string;
  readonly code?: string;
  readonly message?: string;
  readonly read?: string;
  readonly isBack?: boolean;
}

async function onFailingDisk(folder: string, kind: "writes" | "syncs"): Promise<readonly Line[]> {
  const library = join(newFolder(), "failing-disk.so");
  compilePreload(fixture("failing-disk.c"), library);
  const env = { ...process.env, LD_PRELOAD: library, FAILING: folder };
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, [fixture("sqlite-on-failing-disk.js"), folder, kind], { env, timeout: 25_000 }, (_, stdout) => resolve(stdout));
  });
  return output.split("\n").filter(Boolean).map((line) => JSON.parse(line) as Line);
}

describe.skipIf(whyNoPreload() !== null)("a disk that fails for a while", () => {
  it.each(["writes", "syncs"] as const)("with its %s: what was acknowledged is there", async (kind) => {
    const folder = newFolder();
    const lines = await onFailingDisk(folder, kind);
    const refused = lines.filter(({ code }) => code !== undefined);
    expect(refused.length).toBeGreaterThanOrEqual(3);
    for (const { code, message } of refused) {
      expect(code).toBe("MILLRACE_STORAGE");
      expect(message).toContain(join(folder, "jobs.db"));
      expect(message).toMatch(/look at the disk/);
    }
    expect(lines.find(({ read }) => read !== undefined)).toEqual({ read: "waiting" });
    expect(lines.at(-1)).toEqual({ isBack: true });
    const acknowledged = new Set(lines.flatMap(({ id }) => id ?? []));
    expect(acknowledged.size).toBeGreaterThan(300);
    const storage = await openStorage({ path: join(folder, "jobs.db") });
    const rows = await storage.get([...acknowledged], NOW);
    expect(rows.filter((row) => row?.state !== "waiting")).toEqual([]);
    const stored = await storage.list({ limit: 1_000, now: NOW });
    expect(stored.jobs.length).toBeLessThanOrEqual(acknowledged.size + refused.length);
    await storage.own("next");
  });
});

describe("a file that is taken away while it is open", () => {
  const WAYS: readonly (readonly [string, (path: string) => void])[] = [
    ["removed", (path) => rmSync(path)],
    ["removed with its folder", (path) => rmSync(dirname(path), { recursive: true })],
    ["replaced by a folder", (path) => (rmSync(path), mkdirSync(path))],
    ["renamed", (path) => renameSync(path, `${path}.away`)],
  ];

  it.each(WAYS)("%s: nothing is enqueued any more, what runs can end, and all calls are answered", async (_, takeAway) => {
    const path = newFile();
    const storage = await openStorage({ path });
    await storage.own("runner");
    takeAway(path);
    // The first call that asks for it, so that nothing is acknowledged that would be lost.
    await refusal(storage.enqueue([newJob()], NOW), path, /removed or replaced.*restore it from a backup/);
    await Promise.allSettled([claim(storage), storage.count(NOW), storage.cancel(["nobody"], NOW), storage.disown("runner")]);
    await storage.close().catch(() => undefined);
  });

  it("replaced by another store: neither is harmed", async () => {
    const [path, spare] = [newFile(), newFile()];
    const first = await openStorage({ path: spare });
    await first.enqueue([newJob(), newJob()], NOW);
    await first.close();
    const before = contents(spare);
    const storage = await openStorage({ path });
    renameSync(spare, path);
    await refusal(storage.enqueue([newJob()], NOW), path, /removed or replaced/);
    expect(contents(path)[0]).toBe(before[0]);
    await storage.close().catch(() => undefined);
    const again = await openStorage({ path });
    expect((await again.count(NOW)).totals["default"]?.enqueued).toBe(2);
    expect(await again.complete([ending(await claimOne(again))])).toEqual([true]);
  });
});
