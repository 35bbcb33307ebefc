import { describe, expect, it } from "vitest";
import { exponential, linear } from "../../../src/job/backoff.js";
import type { ClaimedJob } from "../../../src/job/job-record.js";
import { type Circumstances, nextTransition, type Outcome, type Transition } from "../../../src/job/lifecycle.js";
import { failure, NOW } from "../../../src/testing/storage-suite/sample-jobs.js";
import { claimed, failed, ok } from "../sample-job.js";

const LATER = NOW + 1_000;
const LATEST_TIME = 8.64e15;
const BUFFER = new ArrayBuffer(8);

interface Row {
  readonly when: string;
  readonly job?: Partial<ClaimedJob>;
  readonly outcome: Outcome;
  readonly circumstances?: Partial<Circumstances>;
  readonly expected: Partial<Transition>;
}

/** What a transition is that changes nothing, but for its state. */
function unchanged(job: ClaimedJob): Omit<Transition, "to"> {
  const { id, fence, attempt, runAt, failure: last } = job;
  return { id, fence, attempt, runAt, failure: last, result: null, resultMoved: false, progress: null, at: LATER };
}

const threeRuns = { attempt: 3, fence: 7, runAt: NOW - 50, failure: failure("before") } as const;
const noJitter = linear(500);
const oops = failed();
const wanted = { cancelRequested: true } as const;

const TABLE: readonly Row[] = [
  { when: "it went well", outcome: ok([1, 2]), expected: { to: "completed", result: new Uint8Array([1, 2]) } },
  { when: "it went well with an empty result", outcome: ok([]), expected: { to: "completed", result: new Uint8Array() } },
  { when: "its result was moved", outcome: ok([1], [BUFFER]), expected: { to: "completed", result: null, resultMoved: true } },
  { when: "it went well although it was to be cancelled", outcome: ok([3]), circumstances: wanted, expected: { to: "completed", result: new Uint8Array([3]) } },
  { when: "its last run told how far it came", outcome: ok(), circumstances: { progress: 0.5 }, expected: { to: "completed", result: new Uint8Array([1]), progress: 0.5 } },
  { when: "it went well after failures", job: threeRuns, outcome: ok(), expected: { to: "completed", result: new Uint8Array([1]), failure: failure("before") } },

  { when: "it stopped because it was asked to", job: threeRuns, outcome: { kind: "cancelled" }, circumstances: wanted, expected: { to: "cancelled" } },
  { when: "it stopped because its thread says so", outcome: { kind: "cancelled" }, expected: { to: "cancelled" } },

  { when: "it snoozed", job: threeRuns, outcome: { kind: "snoozed", delayMs: 250 }, expected: { to: "scheduled", attempt: 2, runAt: LATER + 250 } },
  { when: "it snoozed for no time", outcome: { kind: "snoozed", delayMs: 0 }, expected: { to: "scheduled", attempt: 0, runAt: LATER } },
  { when: "it snoozed for ever", outcome: { kind: "snoozed", delayMs: 1e300 }, expected: { to: "scheduled", attempt: 0, runAt: LATEST_TIME } },
  { when: "it snoozed although it was to be cancelled", outcome: { kind: "snoozed", delayMs: 5 }, circumstances: wanted, expected: { to: "cancelled" } },

  { when: "it did not run", job: threeRuns, outcome: { kind: "unexecuted" }, expected: { to: "waiting", attempt: 2 } },
  { when: "nobody knew it", job: threeRuns, outcome: { kind: "unregistered" }, expected: { to: "waiting", attempt: 2 } },
  { when: "it did not run, and had no retries", job: { maxRetries: 0 }, outcome: { kind: "unexecuted" }, expected: { to: "waiting", attempt: 0 } },
  { when: "it did not run, and was to be cancelled", job: threeRuns, outcome: { kind: "unexecuted" }, circumstances: wanted, expected: { to: "cancelled", attempt: 2 } },
  { when: "nobody knew it, and it was to be cancelled", outcome: { kind: "unregistered" }, circumstances: wanted, expected: { to: "cancelled", attempt: 0 } },
  { when: "it did not run, and its buffers are still here", job: { attachments: [BUFFER] }, outcome: { kind: "unexecuted" }, expected: { to: "waiting", attempt: 0 } },

  { when: "it failed", job: { backoff: noJitter }, outcome: oops, expected: { to: "retrying", failure: oops.failure, runAt: LATER + 500 } },
  { when: "it failed the last time but one", job: { attempt: 5, backoff: noJitter }, outcome: oops, expected: { to: "retrying", failure: oops.failure, runAt: LATER + 500 } },
  { when: "it failed the last time", job: { attempt: 6, backoff: noJitter }, outcome: oops, expected: { to: "dead", failure: oops.failure } },
  { when: "it failed, and had no retries", job: { maxRetries: 0 }, outcome: oops, expected: { to: "dead", failure: oops.failure } },
  { when: "it failed, and has one retry", job: { maxRetries: 1, backoff: linear(0) }, outcome: oops, expected: { to: "retrying", failure: oops.failure, runAt: LATER } },
  {
    when: "it failed a billion times, and may for ever",
    job: { attempt: 1e9, maxRetries: Infinity, backoff: exponential({ jitter: 0 }) },
    outcome: oops,
    expected: { to: "retrying", failure: oops.failure, runAt: LATER + 3_600_000 },
  },
  { when: "a retry cannot help", job: { maxRetries: Infinity }, outcome: failed({ fatal: true }), expected: { to: "dead", failure: oops.failure } },
  { when: "it failed although it was to be cancelled", job: { backoff: noJitter }, outcome: oops, circumstances: wanted, expected: { to: "cancelled", failure: oops.failure } },
  { when: "it failed for good although it was to be cancelled", outcome: failed({ fatal: true }), circumstances: wanted, expected: { to: "cancelled", failure: oops.failure } },
  { when: "its definition said how long to wait", outcome: failed({ retryDelayMs: 77 }), expected: { to: "retrying", failure: oops.failure, runAt: LATER + 77 } },
  { when: "its definition said not to wait", job: { backoff: noJitter }, outcome: failed({ retryDelayMs: 0 }), expected: { to: "retrying", failure: oops.failure, runAt: LATER } },
  { when: "its definition said to wait for ever", outcome: failed({ retryDelayMs: Infinity }), expected: { to: "retrying", failure: oops.failure, runAt: LATEST_TIME } },
  { when: "its definition said nothing, so the default holds", job: { backoff: null, attempt: 3 }, outcome: oops, circumstances: { random: 0.5 }, expected: { to: "retrying", failure: oops.failure, runAt: LATER + 8_000 } },
  {
    when: "jitter is drawn from what it was given",
    job: { backoff: exponential({ base: 10, jitter: 0.5 }) },
    outcome: oops,
    circumstances: { random: 0 },
    expected: { to: "retrying", failure: oops.failure, runAt: LATER + 5_000 },
  },
];

describe("the next state of a job", () => {
  it.each(TABLE)("$when: $expected.to", ({ job: overrides = {}, outcome, circumstances, expected }) => {
    const job = claimed({ ...overrides });
    const before = structuredClone(job);
    const transition = nextTransition(job, outcome, { now: LATER, random: 0.5, cancelRequested: false, progress: null, ...circumstances });
    expect(transition).toEqual({ ...unchanged(job), ...expected });
    expect(job).toEqual(before);
  });

  it.each([
    { when: "it failed", outcome: oops, cause: { cause: oops.failure.error } },
    { when: "it snoozed", outcome: { kind: "snoozed", delayMs: 5 } as const, cause: {} },
    { when: "it snoozed after a failure", job: { failure: failure("before") }, outcome: { kind: "snoozed", delayMs: 5 } as const, cause: { cause: failure("before").error } },
  ])("a payload that was moved to the thread is lost when $when", ({ job: overrides = {}, outcome, cause }) => {
    const job = claimed({ attachments: [BUFFER], attempt: 2, ...overrides });
    const transition = nextTransition(job, outcome, { now: LATER, random: 0.5, cancelRequested: false, progress: 0.2 });
    const { failure: told, ...rest } = transition;
    expect(rest).toEqual({ ...withoutFailure(unchanged(job)), to: "dead", progress: 0.2 });
    expect(told).toEqual({
      ...{ reason: "lost", exitCode: null },
      error: { name: "PayloadLostError", message: expect.stringContaining("transferred") as string, stack: null, code: "MILLRACE_PAYLOAD_LOST", ...cause },
    });
  });

  it("blames the last run rather than the lost payload when it was the last one anyway", () => {
    const job = claimed({ attachments: [BUFFER], maxRetries: 0 });
    expect(nextTransition(job, oops, { now: LATER, random: 0, cancelRequested: false, progress: null })).toMatchObject({ to: "dead", failure: oops.failure });
  });

  it("never gives a time that does not exist", () => {
    for (const backoff of [linear(Number.MAX_VALUE), exponential({ base: Number.MAX_VALUE, maxDelay: Number.MAX_VALUE, jitter: 1 })]) {
      for (const random of [0, 0.25, 0.5, 0.75, 1 - 2 ** -53]) {
        const { to, runAt } = nextTransition(claimed({ backoff }), oops, { now: LATER, random, cancelRequested: false, progress: null });
        expect([to, runAt >= LATER, runAt <= LATEST_TIME]).toEqual(["retrying", true, true]);
      }
    }
  });
});

function withoutFailure({ failure: _failure, ...rest }: Omit<Transition, "to">): Omit<Transition, "to" | "failure"> {
  return rest;
}
