/** What lies in the storage is damaged, or unknown to the threads: one job pays, or waits, and nobody else notices. */

import type { Storage } from "millrace";
import { linear } from "millrace/jobs";
import { describe, expect, it, onTestFinished } from "vitest";
import { replacing } from "../integration/storages.js";
import { check, mustFail, openStage, type Row } from "./check.js";

type Damage = (payload: Uint8Array) => Uint8Array;

const DAMAGES: Readonly<Record<string, Damage>> = {
  "cut off": (payload) => payload.subarray(0, payload.length - 3),
  "empty": () => new Uint8Array(0),
  "flipped bits": (payload) => payload.map((byte) => byte ^ 0xff),
  "a length beyond all bounds": () => Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff),
  "no end of nesting": () => new Uint8Array(100_000).fill(0x91),
  "an unknown kind": () => Uint8Array.of(0xc1),
};

/** Damages what jobs of this name were given, whenever they are claimed. */
function damaging(name: string, damage: Damage): Storage {
  return replacing((inner) => ({
    claim: async (request) => {
      const claimed = await inner.claim(request);
      return claimed.map((job) => (job.name === name ? { ...job, payload: damage(job.payload) } : job));
    },
  }));
}

const row: Row = {
  job: "throw",
  payload: { text: "a payload of some length" },
  options: { maxRetries: 3, backoff: linear(0) },
  // Again would be the same again.
  error: { code: "MILLRACE_JOB_FAILED", runs: 1 },
};

describe("a payload that was damaged in the storage", () => {
  it.each(Object.entries(DAMAGES))("%s: the job is dead at once", async (_, damage) => {
    await check(row, { engine: { storage: damaging("throw", damage) } });
  });
});

describe("a name that no thread knows", () => {
  it("waits, uncharged, while others run", async () => {
    const stage = await openStage();
    onTestFinished(async () => void (await stage.engine.stop({ timeout: 0 })));
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    const job = await stage.engine.enqueue("nobody knows me", null, { maxRetries: 0 });
    expect((await warned).message).toContain("nobody knows me");
    for (const queue of ["default", "other"]) expect(await stage.engine.run("echo", queue, { queue })).toBe(queue);
    expect(await job.info()).toMatchObject({ state: "waiting", attempt: 0, error: null });
  });
});

describe("control", () => {
  it("a payload that was not damaged is noticed", async () => {
    await mustFail(row, { sabotage: () => ({}) });
  });
});
