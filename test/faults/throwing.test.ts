/** Jobs that throw anything, or return what is no data: their thread goes on, and so does whoever runs on it. */

import { linear } from "millrace/jobs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { check, checkOn, mustFail, openStage, type Row, type Stage } from "./check.js";
import { SABOTAGES } from "./sabotage.js";

const text = (part: string): string => expect.stringContaining(part) as string;

/** What the `cause` of the job's error is. */
const THROWN: Readonly<Record<string, object>> = {
  "an Error": { name: "RangeError", message: "broken", stack: text("thrown.js") },
  "an error of its own class": { name: "RangeError", message: "broken", code: "E_WET" },
  "an error with a cause": { message: "broken", cause: { message: "deeper", code: "E_WET" } },
  "undefined": { message: text("undefined") },
  "null": { message: text("null") },
  "a string": { message: text("broken") },
  "a number": { message: text("0") },
  "a symbol": { message: text("broken") },
  "a function": { message: text("unction") },
  "a Proxy": { message: expect.any(String) as string },
  "a Proxy that throws": { message: expect.any(String) as string },
  "an error with a getter that throws": { message: expect.any(String) as string },
  "an error that is its own cause": { message: "broken" },
  "an object with a toString that throws": { message: expect.any(String) as string },
  "an object without a prototype": { message: expect.any(String) as string },
  "50 MB of message": { message: expect.stringMatching(/^x{1000}[^]{0,10000}$/) as string },
};

const RESULTS: Readonly<Record<string, object>> = {
  "a function": { code: "MILLRACE_PAYLOAD", path: "result.a" },
  "a symbol": { code: "MILLRACE_PAYLOAD", path: "result" },
  "a cycle": { code: "MILLRACE_PAYLOAD", path: "result.self" },
  "a Proxy that throws": {},
  "a getter that throws": {},
  "too big": { code: "MILLRACE_PAYLOAD" },
  "buffers that are too big": { code: "MILLRACE_PAYLOAD" },
};

const failedWith = (cause: object): Row["error"] => ({ code: "MILLRACE_JOB_FAILED", runs: 1, cause });

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ engine: { maxResult: 2 ** 19 } });
});
afterAll(async () => void (await stage.engine.stop({ timeout: 0 })));

describe.each(["throw", "reject"])("a job that does %s", (job) => {
  it.each(Object.keys(THROWN))("%s", async (kind) => {
    await checkOn(stage, { job, payload: kind, error: failedWith(THROWN[kind] ?? {}) });
  });

  it("over and over: as often as its retries allow", async () => {
    const options = { maxRetries: 2, backoff: linear(0) };
    await checkOn(stage, { job, payload: "null", options, attempt: 3, error: { code: "MILLRACE_JOB_FAILED", runs: 3 } });
  });
});

describe("a job that returns", () => {
  it.each(Object.keys(RESULTS))("%s", async (kind) => {
    await checkOn(stage, { job: "result", payload: kind, error: failedWith(RESULTS[kind] ?? {}) });
  });
});

describe("control", () => {
  it.each(["throw", "reject"])("a failure that is taken for a success is noticed: %s", async (job) => {
    await mustFail({ job, payload: "null", error: failedWith({}) }, { sabotage: SABOTAGES["failures succeed"] });
  });

  it("a sabotaged engine that does nothing is not", async () => {
    await check({ job: "throw", payload: "null", error: failedWith({}) }, { sabotage: () => ({}) });
  });
});
