import assert from "node:assert/strict";
import { idsOf, job, jobs } from "./scene.js";
import type { Section } from "./section.js";

export const takingBack: Section = {
  title: "takeBack",
  cases: [
    {
      title: "gives exactly those that have not started; they never run and are not answered",
      run: async (scene) => {
        const subject = await scene.started();
        const { lane, doors, ledger } = subject;
        const running = job("wait");
        await subject.hold(lane, running);
        const queued = jobs(5, "wait");
        const [a, b, c, d, e] = idsOf(queued) as [string, string, string, string, string];
        subject.send(lane, ...queued);
        assert.deepEqual(ledger.takeBack(lane, [running.id, d, a]).toSorted(), [a, d]);
        doors.open(running.id);
        for (const id of [running.id, b, c, e]) await ledger.answer(id);
        await subject.run(lane, ...jobs(3));
        assert.deepEqual(doors.visits.filter((door) => door === a || door === d), []);
      },
    },
    {
      title: "gives nothing for jobs that run, have ended, were taken back already, or were never here",
      run: async (scene) => {
        const subject = await scene.started({ threads: 2, concurrency: 2 });
        const { lane, lanes, ledger } = subject;
        const ended = job("echo");
        await subject.run(lane, ended);
        const running = jobs(2, "wait");
        await subject.hold(lane, ...running);
        const queued = job("echo");
        subject.send(lane, queued);
        assert.deepEqual(lanes[1]?.takeBack([queued.id]), []);
        assert.deepEqual(ledger.takeBack(lane, [...idsOf(running), ended.id, "nobody", queued.id]), [queued.id]);
        assert.deepEqual(ledger.takeBack(lane, [queued.id]), []);
        assert.deepEqual(ledger.takeBack(lane, []), []);
        subject.doors.openAll();
        for (const { id } of running) await ledger.answer(id);
      },
    },
    {
      title: "makes room again, at the latest when the lane has gone on",
      run: async (scene) => {
        const subject = await scene.started();
        const { lane, ledger } = subject;
        const { room } = lane;
        for (let round = 0; round < 3; round += 1) {
          const running = job("wait");
          await subject.hold(lane, running);
          const queued = jobs(room - 1);
          subject.send(lane, ...queued);
          assert.equal(ledger.takeBack(lane, idsOf(queued)).length, room - 1);
          subject.doors.open(running.id);
          await ledger.answer(running.id);
          await subject.makeRoom(lane, room);
        }
        await subject.run(lane, ...jobs(room));
      },
    },
    {
      title: "lets the job be sent again at once, to the same lane or another, where it runs once",
      run: async (scene) => {
        const subject = await scene.started({ threads: 2 });
        const { lanes, doors, ledger } = subject;
        const [here, there] = lanes;
        assert.ok(here !== undefined && there !== undefined);
        for (const next of [here, there]) {
          const [running, queued] = [job("wait"), job("wait")];
          await subject.hold(here, running);
          subject.send(here, queued);
          assert.deepEqual(ledger.takeBack(here, [queued.id]), [queued.id]);
          subject.send(next, queued);
          doors.open(running.id);
          await ledger.answer(running.id);
          assert.equal((await ledger.answer(queued.id)).lane, next);
          await subject.run(here, ...jobs(3));
          assert.equal(doors.count(queued.id), 1);
        }
      },
    },
    {
      title: "either takes a job or lets it run, never both, however close it is",
      run: async (scene) => {
        const subject = await scene.started({ concurrency: 2 });
        const { lane, doors, ledger } = subject;
        const taken = new Set<string>();
        const sent: string[] = [];
        for (let round = 0; round < 100; round += 1) {
          const frame = jobs(4, "wait");
          sent.push(...idsOf(frame));
          subject.send(lane, ...frame);
          // Each round a little later.
          if (round % 2 === 1) await doors.reached(frame[round % 4]?.id ?? "");
          for (const id of ledger.takeBack(lane, idsOf(frame))) taken.add(id);
          for (const { id } of frame) if (!taken.has(id)) await ledger.answer(id);
        }
        await subject.run(lane, ...jobs(5));
        for (const id of sent) assert.equal(doors.count(id), taken.has(id) ? 0 : 1, id);
        assert.ok(taken.size > 0, "some were taken back");
      },
    },
  ],
};
