import assert from "node:assert/strict";
import { encode } from "../../job/payload.js";
import type { Facts } from "./jobs.js";
import { idsOf, job, jobs, resultOf } from "./scene.js";
import type { Section } from "./section.js";

export const sending: Section = {
  title: "send",
  cases: [
    {
      title: "runs a job and answers it once, from its lane, with its outcome and how long it took",
      run: async (scene) => {
        const subject = await scene.started({ threads: 2 });
        for (const lane of subject.lanes) {
          const payload = { text: "hé", list: [1, new Date(5)], big: 5n };
          const sent = job("echo", payload);
          subject.send(lane, sent);
          const answer = await subject.ledger.answer(sent.id);
          assert.equal(answer.lane, lane);
          assert.deepEqual(resultOf(answer), payload);
          assert.ok(answer.tookMs >= 0 && answer.tookMs < 60_000, `took ${answer.tookMs}`);
          assert.equal(answer.progress, null);
        }
      },
    },
    {
      title: "tells the job what it is",
      run: async (scene) => {
        const subject = await scene.started();
        const sent = job("facts", null, { attempt: 3, maxRetries: 7, meta: { tenant: "one" } });
        const [answer] = await subject.run(subject.lane, sent);
        assert.ok(answer !== undefined);
        const { id, name, queue, attempt, maxRetries, meta } = resultOf(answer) as Facts;
        assert.deepEqual({ id, name, queue, attempt, maxRetries, meta }, { id: sent.id, name: "facts", queue: "suite", attempt: 3, maxRetries: 7, meta: { tenant: "one" } });
      },
    },
    {
      title: "runs a frame of many and answers each once",
      run: async (scene) => {
        for (const concurrency of [1, 3]) {
          const subject = await scene.started({ concurrency });
          const frame = jobs(50);
          const answers = await subject.run(subject.lane, ...frame);
          assert.deepEqual(answers.map(resultOf), frame.map((_, index) => index));
          assert.deepEqual(idsOf(subject.ledger.answers).toSorted(), idsOf(frame));
        }
      },
    },
    {
      title: "of an empty frame does nothing",
      run: async (scene) => {
        const subject = await scene.started();
        const { room } = subject.lane;
        subject.send(subject.lane);
        assert.equal(subject.lane.room, room);
        await subject.run(subject.lane, job("echo"));
      },
    },
    {
      title: "takes another frame while jobs run and wait, and answers each as soon as it has ended",
      run: async (scene) => {
        const subject = await scene.started({ concurrency: 2 });
        const [slow, next] = [job("wait"), job("echo", "next")];
        await subject.hold(subject.lane, slow);
        const [answer] = await subject.run(subject.lane, next);
        assert.ok(answer !== undefined);
        assert.equal(resultOf(answer), "next");
        assert.equal(subject.ledger.where(slow.id), "on its lane");
        subject.doors.open(slow.id);
        await subject.ledger.answer(slow.id);
      },
    },
    {
      title: "lets as many jobs run at once as the concurrency says, and never more",
      run: async (scene) => {
        for (const concurrency of [1, 3]) {
          const subject = await scene.started({ concurrency });
          const { lane, doors, ledger } = subject;
          const frame = jobs(9, "wait");
          doors.shut(...idsOf(frame));
          subject.send(lane, ...frame.slice(0, 5));
          subject.send(lane, ...frame.slice(5));
          const seen: number[] = [];
          for (let first = 0; first < frame.length; first += concurrency) {
            const together = idsOf(frame).slice(first, first + concurrency);
            await doors.reached(...together);
            assert.equal(idsOf(frame).filter((id) => lane.startedAt(id) !== null).length, together.length);
            doors.open(...together);
            for (const id of together) seen.push((resultOf(await ledger.answer(id)) as Facts).running);
          }
          assert.equal(Math.max(...seen), concurrency);
        }
      },
    },
    {
      title: "is concurrent on every lane for itself",
      run: async (scene) => {
        const subject = await scene.started({ threads: 2, concurrency: 2 });
        const held = subject.lanes.map(() => jobs(2, "wait"));
        for (const [index, lane] of subject.lanes.entries()) await subject.hold(lane, ...(held[index] ?? []));
        subject.doors.openAll();
        for (const { id } of held.flat()) assert.ok((resultOf(await subject.ledger.answer(id)) as Facts).running <= 2);
      },
    },
    {
      title: "takes room, which comes back with the answers; the whole of it can be used, again and again",
      run: async (scene) => {
        const subject = await scene.started();
        const { lane } = subject;
        const { room } = lane;
        const held = job("wait");
        await subject.hold(lane, held);
        assert.equal(lane.room, room - 1);
        const rest = jobs(room - 1);
        subject.send(lane, ...rest);
        assert.equal(lane.room, 0);
        subject.doors.open(held.id);
        for (const { id } of [held, ...rest]) await subject.ledger.answer(id);
        assert.equal(lane.room, room);
        for (let round = 0; round < 3; round += 1) {
          await subject.run(lane, ...jobs(room));
          assert.equal(lane.room, room);
        }
      },
    },
    {
      title: "has made room for the job by the time it is answered",
      run: async (scene) => {
        const subject = await scene.started();
        const { lane, ledger } = subject;
        const { room } = lane;
        const rooms: number[] = [];
        const answered = ledger.answered.bind(ledger);
        ledger.answered = (...told) => {
          rooms.push(lane.room);
          answered(...told);
        };
        await subject.run(lane, job("echo"));
        assert.deepEqual(rooms, [room]);
      },
    },
    {
      title: "runs a job again that was here before, when it is sent again",
      run: async (scene) => {
        const subject = await scene.started();
        const sent = job("echo", "again");
        await subject.run(subject.lane, sent);
        subject.send(subject.lane, { ...sent, attempt: 2, fence: 2 });
        await subject.ledger.until("the second answer", () => (subject.ledger.answers.length === 2 ? true : undefined));
      },
    },
    {
      title: "carries buffers that are moved, there and back",
      run: async (scene) => {
        const subject = await scene.started();
        const bytes = new Uint8Array([1, 2, 3]);
        const { bytes: payload, attachments } = encode(bytes, { root: "payload", maxBytes: 1_000, transfer: [bytes.buffer] });
        const [answer] = await subject.run(subject.lane, job("give back", null, { payload, attachments }));
        assert.ok(answer?.outcome.kind === "ok");
        assert.equal(answer.outcome.result.attachments.length, 1);
        assert.deepEqual(resultOf(answer), new Uint8Array([1, 2, 3]));
      },
    },
  ],
};
