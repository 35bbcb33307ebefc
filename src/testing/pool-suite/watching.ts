import assert from "node:assert/strict";
import { decode } from "../../job/payload.js";
import { job, resultOf } from "./scene.js";
import type { Section } from "./section.js";

export const watching: Section = {
  title: "what a lane tells of its jobs",
  cases: [
    {
      title: "startedAt is the time of the start on the monotonic clock, and null before it, after the end, and for others",
      run: async (scene) => {
        const subject = await scene.started();
        const { lane, clock, doors, ledger } = subject;
        const [first, second] = [job("wait"), job("wait")];
        const before = clock.monotonic();
        await subject.hold(lane, first);
        doors.shut(second.id);
        subject.send(lane, second);
        const startedAt = lane.startedAt(first.id);
        assert.ok(startedAt !== null && startedAt >= before && startedAt <= clock.monotonic(), `${before} ${startedAt}`);
        assert.equal(lane.startedAt(second.id), null);
        assert.equal(lane.startedAt("nobody"), null);
        doors.open(first.id);
        await ledger.answer(first.id);
        assert.equal(lane.startedAt(first.id), null);
        await doors.reached(second.id);
        assert.ok((lane.startedAt(second.id) ?? 0) >= startedAt);
        doors.open(second.id);
        await ledger.answer(second.id);
      },
    },
    {
      title: "a job that is sent has not the start or the progress of one that was here before",
      run: async (scene) => {
        const subject = await scene.started();
        const { lane, doors, ledger } = subject;
        // Every slot has had a job that told progress.
        for (const { progress } of await subject.run(lane, ...Array.from({ length: lane.room }, () => job("tell")))) assert.equal(progress, 0.75);
        const [running, queued] = [job("wait"), job("wait")];
        await subject.hold(lane, running);
        subject.send(lane, queued);
        assert.deepEqual([lane.progress(running.id), lane.progress(queued.id), lane.startedAt(queued.id)], [null, null, null]);
        doors.openAll();
        assert.equal((await ledger.answer(queued.id)).progress, null);
      },
    },
    {
      title: "progress is told as it comes, can be read at any time, and comes with the answer",
      run: async (scene) => {
        const subject = await scene.started();
        const { lane, doors, ledger } = subject;
        const sent = job("tell");
        const again = `${sent.id} again`;
        doors.shut(again);
        await subject.hold(lane, sent);
        assert.equal(lane.progress(sent.id), 0.25);
        assert.equal(lane.progress("nobody"), null);
        assert.deepEqual(await ledger.until("the progress", () => ledger.progress[0]), { id: sent.id, fraction: 0.25, detail: "a quarter" });
        doors.open(sent.id);
        await doors.reached(again);
        assert.equal(lane.progress(sent.id), 0.75);
        doors.open(again);
        assert.equal((await ledger.answer(sent.id)).progress, 0.75);
        assert.equal(lane.progress(sent.id), null);
      },
    },
    {
      title: "lines of the log come in order, with level and fields, before the answer",
      run: async (scene) => {
        const subject = await scene.started();
        const sent = job("log");
        await subject.run(subject.lane, sent);
        const { logs } = subject.ledger;
        assert.deepEqual(logs.map(({ line: { level, message, fields } }) => [level, message, fields]), [
          ["debug", "one", {}],
          ["info", "two", { n: 2 }],
          ["warn", "three", {}],
          ["error", "four", { deep: { list: [4] } }],
        ]);
        assert.ok(logs.every(({ id }) => id === sent.id));
      },
    },
    {
      title: "what jobs enqueue reaches the host, and its answer the job",
      run: async (scene) => {
        const subject = await scene.started();
        const sent = job("hand on", { n: 1 });
        const [answer] = await subject.run(subject.lane, sent);
        assert.ok(answer !== undefined);
        assert.deepEqual(resultOf(answer), { id: "stored 1", duplicate: false });
        const [request, ...more] = subject.doors.requests;
        assert.ok(request !== undefined && more.length === 0);
        assert.deepEqual([request.name, request.meta], ["elsewhere", { by: sent.id }]);
        assert.deepEqual(decode({ bytes: request.payload, attachments: [] }), { n: 1 });
      },
    },
  ],
};
