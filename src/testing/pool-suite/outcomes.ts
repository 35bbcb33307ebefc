import assert from "node:assert/strict";
import type { JobAnswer } from "../../dispatch/pool.js";
import type { ClaimedJob } from "../../job/job-record.js";
import { job, type Scene } from "./scene.js";
import type { Section } from "./section.js";

type Failed = Extract<JobAnswer["outcome"], { kind: "failed" }>;

async function outcomeOf(scene: Scene, sent: ClaimedJob): Promise<JobAnswer["outcome"]> {
  const subject = await scene.started();
  const [answer] = await subject.run(subject.lane, sent);
  assert.ok(answer !== undefined);
  // Whatever it was, the lane goes on.
  await subject.run(subject.lane, job("echo"));
  assert.deepEqual(subject.ledger.deaths, []);
  return answer.outcome;
}

async function failureOf(scene: Scene, sent: ClaimedJob): Promise<Failed> {
  const outcome = await outcomeOf(scene, sent);
  assert.ok(outcome.kind === "failed", JSON.stringify(outcome));
  return outcome;
}

export const outcomes: Section = {
  title: "outcomes",
  cases: [
    {
      title: "failed, with the error the job threw",
      run: async (scene) => {
        const { failure, fatal, retryDelayMs } = await failureOf(scene, job("fail", "broken"));
        const { name, message, code, stack } = failure.error;
        assert.deepEqual({ name, message, code }, { name: "RangeError", message: "broken", code: "E_SUITE" });
        assert.match(stack ?? "", /RangeError: broken\n/);
        assert.deepEqual([failure.reason, failure.exitCode, fatal, retryDelayMs], ["threw", null, false, null]);
      },
    },
    {
      title: "failed, with the delay its own backoff function says, if it has no other",
      run: async (scene) => {
        const asked = await failureOf(scene, job("fail with backoff", "12345", { attempt: 2, backoff: null }));
        assert.equal(asked.retryDelayMs, 2_005);
        const stored = await failureOf(scene, job("fail with backoff", "12345", { attempt: 2, backoff: { kind: "linear", delayMs: 1 } }));
        assert.equal(stored.retryDelayMs, null);
      },
    },
    {
      title: "failed for good, when the job says that a retry cannot help",
      run: async (scene) => assert.equal((await failureOf(scene, job("give up", "no use"))).fatal, true),
    },
    {
      title: "failed for good, when the payload cannot be read",
      run: async (scene) => {
        const { failure, fatal } = await failureOf(scene, job("echo", null, { payload: new Uint8Array([77, 77]) }));
        assert.deepEqual([failure.reason, fatal], ["invalid", true]);
      },
    },
    {
      title: "snoozed",
      run: async (scene) => assert.deepEqual(await outcomeOf(scene, job("snooze", 1_234)), { kind: "snoozed", delayMs: 1_234 }),
    },
    {
      title: "unregistered, when the lane knows no job of that name",
      run: async (scene) => assert.deepEqual(await outcomeOf(scene, job("nobody knows it")), { kind: "unregistered" }),
    },
    {
      title: "cancelled, when the job was asked to stop and threw",
      run: async (scene) => {
        const subject = await scene.started();
        for (const reason of ["cancel", "timeout"] as const) {
          const sent = job("obey");
          subject.send(subject.lane, sent);
          await subject.doors.reached(sent.id);
          subject.lane.askToStop(sent.id, reason);
          assert.deepEqual((await subject.ledger.answer(sent.id)).outcome, { kind: "cancelled" });
        }
      },
    },
  ],
};
