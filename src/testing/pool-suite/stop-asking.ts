import assert from "node:assert/strict";
import type { Asked } from "./jobs.js";
import { job, jobs, resultOf } from "./scene.js";
import type { Section } from "./section.js";

const WORDS = { cancel: /cancelled/, timeout: /deadline/ } as const;

export const stopAsking: Section = {
  title: "askToStop",
  cases: [
    {
      title: "sets the flag and aborts the signal of the job, for the reason given; what comes of it is up to the job",
      run: async (scene) => {
        const subject = await scene.started();
        for (const reason of ["cancel", "timeout"] as const) {
          const sent = job("heed");
          subject.send(subject.lane, sent);
          await subject.doors.reached(sent.id);
          subject.lane.askToStop(sent.id, reason);
          const told = resultOf(await subject.ledger.answer(sent.id)) as Asked;
          assert.deepEqual([told.cancelled, told.aborted], [true, true]);
          assert.match(told.reason ?? "", WORDS[reason]);
        }
      },
    },
    {
      title: "asks nobody else: not the neighbours, not those that come after",
      run: async (scene) => {
        const subject = await scene.started({ concurrency: 2 });
        const { lane, doors, ledger } = subject;
        const [asked, neighbour] = [job("heed"), job("heed")];
        subject.send(lane, asked, neighbour);
        await doors.reached(asked.id, neighbour.id);
        lane.askToStop(asked.id, "cancel");
        await ledger.answer(asked.id);
        for (const answer of await subject.run(lane, ...jobs(5, "look"))) {
          assert.deepEqual(resultOf(answer), { cancelled: false, aborted: false, reason: null });
        }
        assert.equal(ledger.where(neighbour.id), "on its lane");
        lane.askToStop(neighbour.id, "cancel");
        await ledger.answer(neighbour.id);
      },
    },
    {
      title: "reaches a job that starts later",
      run: async (scene) => {
        const subject = await scene.started();
        const { lane, doors, ledger } = subject;
        const [running, queued] = [job("wait"), job("look")];
        await subject.hold(lane, running);
        subject.send(lane, queued);
        lane.askToStop(queued.id, "cancel");
        doors.open(running.id);
        const told = resultOf(await ledger.answer(queued.id)) as Asked;
        assert.deepEqual([told.cancelled, told.aborted], [true, true]);
      },
    },
    {
      title: "does nothing to jobs that have ended or were never here",
      run: async (scene) => {
        const subject = await scene.started();
        const { lane } = subject;
        const ended = job("echo");
        await subject.run(lane, ended);
        lane.askToStop(ended.id, "cancel");
        lane.askToStop("nobody", "cancel");
        const [answer] = await subject.run(lane, job("look"));
        assert.ok(answer !== undefined);
        assert.deepEqual(resultOf(answer), { cancelled: false, aborted: false, reason: null });
      },
    },
    {
      title: "is seen by code that never awaits",
      when: ({ killsBusyThreads }) => killsBusyThreads,
      run: async (scene) => {
        const subject = await scene.started();
        const sent = job("spin until asked");
        subject.send(subject.lane, sent);
        await subject.doors.reached(sent.id);
        subject.lane.askToStop(sent.id, "timeout");
        assert.equal(resultOf(await subject.ledger.answer(sent.id)), true);
      },
    },
  ],
};
