import assert from "node:assert/strict";
import { idsOf, job, jobs, settled } from "./scene.js";
import type { Section } from "./section.js";
import { inTime } from "./watch.js";

export const stopping: Section = {
  title: "stop",
  cases: [
    {
      title: "disposes of the state of every idle lane, and resolves when that is done",
      run: async (scene) => {
        for (const isUnref of [false, true]) {
          const subject = await scene.started({ threads: 2 });
          const { pool, doors, lanes } = subject;
          if (isUnref) pool.unref();
          for (const lane of lanes) await subject.run(lane, job("echo"));
          doors.shut("dispose 1");
          let isStopped = false;
          const stopped = subject.stop().then(() => {
            isStopped = true;
          });
          await doors.reached("dispose 0", "dispose 1");
          await settled();
          assert.equal(isStopped, false);
          doors.open("dispose 1");
          await stopped;
          assert.deepEqual([doors.count("dispose 0"), doors.count("dispose 1")], [1, 1]);
        }
      },
    },
    {
      title: "ends a busy lane by force: its state is not disposed of, what has not started never runs, nothing is told any more",
      run: async (scene) => {
        const subject = await scene.started({ threads: 2 });
        const { lane, doors, ledger } = subject;
        const [running, queued] = [job("come and go"), jobs(2, "wait")];
        await subject.hold(lane, running);
        subject.send(lane, ...queued);
        await subject.stop();
        doors.openAll();
        if (!scene.supports.ownThreads) await doors.reached(`${running.id} again`);
        await settled();
        assert.deepEqual([doors.count("dispose 0"), doors.count("dispose 1")], [0, 1]);
        assert.deepEqual(idsOf(queued).filter((id) => doors.visits.includes(id)), []);
        assert.deepEqual(ledger.answers, []);
      },
    },
    {
      title: "ends a busy loop",
      when: ({ killsBusyThreads }) => killsBusyThreads,
      run: async (scene) => {
        const subject = await scene.started();
        const busy = job("spin");
        subject.send(subject.lane, busy);
        await subject.doors.reached(busy.id);
        await subject.stop();
      },
    },
    {
      title: "resolves though dispose throws, or never ends",
      run: async (scene) => {
        const subject = await scene.started({ threads: 2, disposeTimeoutMs: 50 });
        subject.doors.fail("dispose 0", "dispose broke");
        subject.doors.shut("dispose 1");
        await subject.stop();
        assert.deepEqual([subject.doors.count("dispose 0"), subject.doors.count("dispose 1")], [1, 1]);
      },
    },
    {
      title: "replaces nothing",
      run: async (scene) => {
        const subject = await scene.started({ threads: 2 });
        await subject.stop();
        subject.lane.kill();
        await settled();
        assert.deepEqual([subject.doors.count("boot 0"), subject.doors.count("boot 1")], [1, 1]);
      },
    },
    {
      title: "resolves before the start, and without one",
      run: async (scene) => {
        await scene.pool().stop();
      },
    },
    {
      title: "ends a start that is under way, and no lane comes of it",
      run: async (scene) => {
        const subject = scene.pool({ threads: 2 });
        const { pool, doors, ledger } = subject;
        doors.shut("boot 0", "boot 1");
        const started = assert.rejects(inTime("start", pool.start(ledger)));
        await doors.reached("boot 0", "boot 1");
        await subject.stop();
        await started;
        doors.openAll();
        await settled();
        assert.deepEqual(ledger.allLanes, []);
        assert.deepEqual(ledger.bootErrors, []);
      },
    },
    {
      title: "ends a start in the very turn in which it began",
      run: async (scene) => {
        const subject = scene.pool({ threads: 2 });
        const started = assert.rejects(inTime("start", subject.pool.start(subject.ledger)));
        await subject.stop();
        await started;
        await settled();
        assert.deepEqual(subject.ledger.allLanes, []);
      },
    },
    {
      title: "may be called twice, at once and later, and disposes of each state once",
      run: async (scene) => {
        const subject = await scene.started();
        const { pool, doors } = subject;
        doors.shut("dispose 0");
        const stopped = Promise.all([subject.stop(), subject.stop()]);
        await doors.reached("dispose 0");
        await settled();
        doors.open("dispose 0");
        await stopped;
        await inTime("the third stop", pool.stop());
        assert.equal(doors.count("dispose 0"), 1);
      },
    },
    {
      title: "unref lets the lanes go on as before",
      run: async (scene) => {
        const subject = await scene.started({ concurrency: 2 });
        const { pool, lane, doors, ledger } = subject;
        const running = job("wait");
        await subject.hold(lane, running);
        pool.unref();
        await subject.run(lane, ...jobs(10));
        doors.open(running.id);
        await ledger.answer(running.id);
        await subject.run(lane, ...jobs(10));
        assert.deepEqual(ledger.deaths, []);
      },
    },
  ],
};
