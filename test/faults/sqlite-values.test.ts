/** Values that are legal, if odd, come back as they went in. */

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { NewJob } from "../../src/job/job-record.js";
import { claimOne, end, enqueueOne, failure, newJob, NOW, rowOf } from "../../src/testing/storage-suite/sample-jobs.js";
import { newFile } from "../sqlite-files.js";
import { openStorage } from "./sqlite-stage.js";

/** Millions of bytes are not compared one by one. */
function comparable<Row extends { readonly payload: Uint8Array }>(row: Row): Omit<Row, "payload"> & { readonly payload: string } {
  return { ...row, payload: `${row.payload.length} ${createHash("sha256").update(row.payload).digest("hex")}` };
}

/** Before and after the file was closed. */
async function comesBack(job: NewJob): Promise<void> {
  const path = newFile();
  const storage = await openStorage({ path });
  await storage.enqueue([job], NOW);
  const { attachments: _, payload: __, ...rest } = job;
  const before = comparable(await rowOf(storage, job.id));
  expect(before).toMatchObject(rest);
  expect(Object.keys(before.meta)).toEqual(Object.keys(job.meta));
  expect(before.payload).toBe(comparable(job).payload);
  await storage.close();
  const again = await openStorage({ path });
  expect(comparable(await rowOf(again, job.id))).toEqual(before);
  const { jobs, totals } = await again.count(NOW);
  expect(jobs).toEqual([{ queue: job.queue, name: job.name, state: before.state, count: 1 }]);
  expect(Object.keys(totals)).toEqual([job.queue]);
  expect((await again.list({ queue: job.queue, name: job.name, limit: 2, now: NOW })).jobs.map(comparable)).toEqual([before]);
  const claimed = await claimOne(again, { queue: job.queue, names: [job.name], runner: job.name, now: job.runAt + 1 });
  expect(claimed).toMatchObject({ id: job.id, runner: job.name, name: job.name, queue: job.queue });
}

const TEXTS: readonly (readonly [string, string])[] = [
  ["NUL", "a\0b"],
  ["NUL alone", "\0"],
  ["emoji", "👩‍🚀🧵"],
  ["a lone high surrogate", "a\ud83d"],
  ["a lone low surrogate", "\ude00b"],
  ["surrogates the wrong way round", "\ude00\ud83d"],
  ["the escape character", "\u001b0000"],
  ["what an escape looks like", "\u001bd83d\ud83d"],
  ["a replacement character", "\ufffd"],
  ["__proto__", "__proto__"],
  ["constructor", "constructor"],
  ["quotes", `'"; DROP TABLE jobs; --`],
  ["a very long one", "x".repeat(100_000)],
  ["white space", " \t\n"],
];

describe("text", () => {
  it.each(TEXTS)("%s", async (_, text) => {
    const meta = Object.fromEntries([[text, text], ["other", text]]);
    await comesBack(newJob({ name: text, queue: text, unique: { key: text, until: "started" }, meta }));
  });

  it("that differs stays different: each is a unique key, a queue and a schedule of its own", async () => {
    const storage = await openStorage({ path: newFile() });
    const texts = ["\ud83d", "\ud83e", "\ufffd", "\ude00", "\u001bd83d", "\u001b001bd83d", "a\0b", "a\0c", "a", "😀"];
    for (const key of texts) expect(await storage.enqueue([newJob({ unique: { key, until: "finished" } })], NOW)).toMatchObject([{ duplicate: false }]);
    for (const key of texts) expect(await storage.enqueue([newJob({ unique: { key, until: "finished" } })], NOW)).toMatchObject([{ duplicate: true }]);
    const { id: _, runAt: __, createdAt: ___, attachments: ____, depth: _____, ...template } = newJob();
    for (const name of texts) {
      await storage.pause(name, true);
      await storage.saveSchedule({ name, everyMs: 1, nextAt: NOW, template });
    }
    const { paused, schedules } = await storage.settings();
    expect(paused.toSorted()).toEqual(texts.toSorted());
    expect(schedules.map(({ name }) => name)).toEqual(texts);
    for (const name of texts) expect(await storage.removeSchedule(name)).toBe(true);
  });

  it("of runners and of failures", async () => {
    const storage = await openStorage({ path: newFile() });
    await storage.own("\ud83d");
    await expect(storage.own("\ude00")).rejects.toThrow("owned by runner");
    const id = await enqueueOne(storage);
    expect(await storage.claim({ queue: "default", names: ["job"], limit: 1, runner: "\ude00", now: NOW })).toEqual([]);
    const claimed = await claimOne(storage, { runner: "\ud83d" });
    const wrong = failure("\0\ud83d__proto__👩‍🚀");
    await end(storage, claimed, { to: "dead", failure: wrong });
    expect((await rowOf(storage, id)).failure).toEqual(wrong);
  });
});

describe("payloads", () => {
  it.each([0, 1, 5 * 1_024 * 1_024])("of %i bytes, and results", async (length) => {
    const bytes = new Uint8Array(length).map((_, index) => index * 7);
    await comesBack(newJob({ payload: bytes }));
    const storage = await openStorage({ path: newFile() });
    const id = await enqueueOne(storage);
    await end(storage, await claimOne(storage), { result: bytes });
    expect(Buffer.from((await rowOf(storage, id)).result ?? [9]).equals(bytes)).toBe(true);
  });

  it("that are a part of a larger buffer, of a pool or empty", async () => {
    const buffer = new Uint8Array(1_000).map((_, index) => index);
    await comesBack(newJob({ payload: buffer.subarray(10, 20) }));
    await comesBack(newJob({ payload: buffer.subarray(10, 10) }));
    await comesBack(newJob({ payload: Buffer.from("of a pool") }));
    // It still belongs to whoever gave it.
    expect(buffer.length).toBe(1_000);
  });
});

describe("numbers", () => {
  const ODD: readonly (readonly [string, Partial<NewJob>])[] = [
    ["retries without end", { maxRetries: Infinity, backoff: { kind: "exponential", base: 1.5, maxDelayMs: Infinity, jitter: 0.25 } }],
    ["fractions", { runAt: NOW - 0.25, createdAt: NOW + 0.125, timeoutMs: 0.5, priority: -1.5 }],
    ["extremes", { runAt: 8.64e15, createdAt: -8.64e15, timeoutMs: Number.MAX_SAFE_INTEGER, priority: Number.MAX_VALUE, maxRetries: 0 }],
    ["priorities that no integer holds", { priority: -1e18 }],
    ["small ones", { priority: Number.MIN_VALUE, runAt: 0, createdAt: 0 }],
  ];

  it.each(ODD)("%s", async (_, overrides) => {
    await comesBack(newJob(overrides));
  });

  it("in schedules", async () => {
    const path = newFile();
    const storage = await openStorage({ path });
    const { id: _, runAt: __, createdAt: ___, attachments: ____, depth: _____, payload: ______, ...template } = newJob({ maxRetries: Infinity, meta: JSON.parse('{"__proto__":"null"}') as NewJob["meta"] });
    const schedule = { name: "__proto__", everyMs: 0.5, nextAt: NOW + 0.25, template: { ...template, payload: new Uint8Array(0) } };
    await storage.saveSchedule(schedule);
    const [stored] = (await storage.settings()).schedules;
    expect(stored).toEqual({ ...schedule, template: { ...schedule.template, payload: expect.any(Uint8Array) as Uint8Array } });
    expect(Object.keys(stored?.template.meta ?? {})).toEqual(["__proto__"]);
    expect(await storage.tick({ name: "__proto__", dueAt: NOW + 0.25, nextAt: NOW + 0.75, job: newJob() })).toBe("ticked");
  });
});
