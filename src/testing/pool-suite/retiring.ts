import assert from "node:assert/strict";
import type { Lane } from "../../dispatch/pool.js";
import { job, settled, type Subject } from "./scene.js";
import type { Section } from "./section.js";

/** Retires a lane that a job keeps, and resolves to the lane in its place. */
async function succeeded(subject: Subject, lane: Lane): Promise<Lane> {
  subject.ledger.retire(lane);
  const next = await subject.ledger.lane(lane.thread);
  await subject.run(next, job("echo"));
  return next;
}

export const retiring: Section = {
  title: "lanes that are retired",
  cases: [
    {
      title: "are replaced at once, while what they have goes on, and not a second time when they end",
      run: async (scene) => {
        const subject = await scene.started({ threads: 2 });
        const { lane, doors, ledger } = subject;
        for (const isKilled of [false, true]) {
          const [retired, kept] = [await ledger.lane(lane.thread), job("wait")];
          await subject.hold(retired, kept);
          await succeeded(subject, retired);
          retired.retire();
          assert.equal(ledger.where(kept.id), "on its lane");
          if (isKilled) retired.kill();
          doors.open(kept.id);
          if (!isKilled) assert.equal((await ledger.answer(kept.id)).outcome.kind, "ok");
          if (!isKilled) retired.end();
          const { cause } = await ledger.death(retired);
          assert.equal(cause, isKilled ? "killed" : "ended");
          await settled();
          assert.equal(ledger.lanes.length, 2);
        }
        // A lane that was one too many would have had the time to get ready.
        const last = await ledger.lane(lane.thread);
        last.kill();
        await ledger.death(last);
        await subject.run(await ledger.lane(lane.thread), job("echo"));
        assert.deepEqual([ledger.allLanes.length, doors.count("boot 0"), doors.count("boot 1")], [5, 4, 1]);
      },
    },
    {
      title: "are not kept without limit: beyond as many as the pool has threads they wait for their turn",
      run: async (scene) => {
        const subject = await scene.started();
        const { lane, doors, ledger } = subject;
        const [first, second] = [job("wait"), job("wait")];
        await subject.hold(lane, first);
        const next = await succeeded(subject, lane);
        await subject.hold(next, second);
        ledger.retire(next);
        await settled();
        assert.equal(doors.count("boot 0"), 2);
        doors.open(first.id);
        await ledger.answer(first.id);
        lane.end();
        await ledger.death(lane);
        await subject.run(await ledger.lane(0), job("echo"));
        assert.deepEqual([doors.count("boot 0"), ledger.where(second.id)], [3, "on its lane"]);
        doors.open(second.id);
        await ledger.answer(second.id);
      },
    },
    {
      title: "are ended by stop, and so are those in their place",
      run: async (scene) => {
        const subject = await scene.started();
        const kept = job("come and go");
        await subject.hold(subject.lane, kept);
        await succeeded(subject, subject.lane);
        await subject.stop();
        subject.doors.openAll();
        await settled();
        assert.equal(subject.doors.count("boot 0"), 2);
      },
    },
  ],
};
