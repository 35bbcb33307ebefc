import assert from "node:assert/strict";
import type { Lane } from "../../dispatch/pool.js";
import { manualClock } from "../manual-clock.js";
import type { Facts } from "./jobs.js";
import { idsOf, job, jobs, resultOf, settled, type Subject } from "./scene.js";
import type { Section } from "./section.js";

/** Another lane of the same number, which works. */
async function replaced(subject: Subject, lane: Lane): Promise<Lane> {
  const next = await subject.ledger.until("the replacement", () => subject.ledger.lanes.find((other) => other.thread === lane.thread && other !== lane));
  await subject.run(next, job("echo"));
  return next;
}

/** Hears nothing meanwhile, as a process that computes something. */
function beBusy(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export const ending: Section = {
  title: "lanes that end",
  cases: [
    {
      title: "kill ends an idle lane, once; another takes its place, with a state of its own",
      run: async (scene) => {
        for (const isUnref of [false, true]) {
          const subject = await scene.started({ threads: 2 });
          if (isUnref) subject.pool.unref();
          const { lanes, ledger } = subject;
          const [other, lane] = lanes;
          assert.ok(lane !== undefined && other !== undefined);
          const [before] = await subject.run(lane, job("facts"));
          lane.kill();
          lane.kill();
          const facts = { error: null, started: [], unstarted: [], culprit: null, wasDeaf: false, stuckAt: null, heap: null };
          assert.deepEqual({ ...(await ledger.death(lane)), exitCode: null }, { cause: "killed", exitCode: null, ...facts });
          const next = await replaced(subject, lane);
          lane.kill();
          const [after] = await subject.run(next, job("facts"));
          assert.ok(before !== undefined && after !== undefined);
          assert.notDeepEqual([(resultOf(before) as Facts).threadId, (resultOf(before) as Facts).state.serial], [(resultOf(after) as Facts).threadId, (resultOf(after) as Facts).state.serial]);
          assert.equal((resultOf(after) as Facts).state.slot, lane.thread);
          await subject.run(other, job("echo"));
          assert.equal(ledger.deaths.length, 1);
        }
      },
    },
    {
      title: "kill tells which jobs ran and which did not, after all answers; those never run there, nor are they answered",
      run: async (scene) => {
        const subject = await scene.started({ concurrency: 2 });
        const { lane, doors, ledger } = subject;
        const [quick, running, queued] = [jobs(20), jobs(2, "come and go"), jobs(3, "wait")];
        doors.shut(...idsOf(running));
        subject.send(lane, ...quick, ...running, ...queued);
        await doors.reached(...idsOf(running));
        await Promise.all(idsOf(quick).map((id) => ledger.answer(id)));
        const [taken] = ledger.takeBack(lane, [queued[0]?.id ?? ""]);
        lane.kill();
        const death = await ledger.death(lane);
        assert.deepEqual(death.started.toSorted(), idsOf(running));
        assert.deepEqual(death.unstarted.toSorted(), idsOf(queued).slice(1));
        // Nothing holds the code any more that ran there.
        doors.openAll();
        if (!scene.supports.ownThreads) await doors.reached(...idsOf(running).map((id) => `${id} again`));
        await replaced(subject, lane);
        await settled();
        assert.deepEqual(idsOf(queued).filter((id) => doors.visits.includes(id)), []);
        assert.equal(ledger.where(taken ?? ""), "taken back");
      },
    },
    {
      title: "kill loses no answer of a job that told its end before",
      run: async (scene) => {
        const subject = await scene.started();
        for (let round = 0; round < 10; round += 1) {
          const lane = await subject.ledger.lane(0);
          const [frame, last] = [jobs(100), job("wait")];
          subject.doors.shut(last.id);
          // At the very moment when the last one says that it runs, its answers may still be on their way.
          subject.doors.onVisit = (door) => {
            if (door === last.id) lane.kill();
          };
          subject.send(lane, ...frame, last);
          const death = await subject.ledger.death(lane);
          assert.deepEqual([death.started, death.unstarted], [[last.id], []]);
          assert.ok(idsOf(frame).every((id) => subject.ledger.where(id) === "answered"));
        }
      },
    },
    {
      title: "the jobs of a lane that went can be sent to another at once",
      run: async (scene) => {
        const subject = await scene.started({ threads: 2 });
        const { lanes, doors, ledger } = subject;
        const [lane, other] = lanes;
        assert.ok(lane !== undefined && other !== undefined);
        const frame = jobs(3, "wait");
        doors.shut(...idsOf(frame));
        subject.send(lane, ...frame);
        await doors.reached(idsOf(frame)[0] ?? "");
        lane.kill();
        const { started, unstarted } = await ledger.death(lane);
        assert.deepEqual([started.length, unstarted.length], [1, 2]);
        doors.openAll();
        for (const answer of await subject.run(other, ...frame)) assert.equal(answer.outcome.kind, "ok");
        // The first ran twice, by necessity.
        assert.deepEqual(idsOf(frame).map((id) => doors.count(id)), [2, 1, 1]);
      },
    },
    {
      title: "neighbours do not notice",
      run: async (scene) => {
        const subject = await scene.started({ threads: 2 });
        const { lanes, doors, ledger } = subject;
        const [lane, other] = lanes;
        assert.ok(lane !== undefined && other !== undefined);
        const [lost, kept] = [job("wait"), job("wait")];
        await subject.hold(lane, lost);
        await subject.hold(other, kept);
        lane.kill();
        await ledger.death(lane);
        await replaced(subject, lane);
        doors.openAll();
        assert.equal((await ledger.answer(kept.id)).outcome.kind, "ok");
      },
    },
    {
      title: "a replacement that fails to boot is told, and tried again",
      run: async (scene) => {
        const clock = manualClock();
        const subject = await scene.started({ clock });
        const { lane, doors, ledger } = subject;
        doors.fail("boot 0", "not again");
        lane.kill();
        assert.match((await ledger.until("the boot error", () => ledger.bootErrors[0])).message, /not again/);
        doors.open("boot 0");
        await settled();
        await clock.advanceToNextTimer();
        await replaced(subject, lane);
      },
    },
    {
      title: "kill ends a busy loop",
      when: ({ killsBusyThreads }) => killsBusyThreads,
      run: async (scene) => {
        for (const isUnref of [false, true]) {
          const subject = await scene.started();
          if (isUnref) subject.pool.unref();
          const { lane, ledger } = subject;
          const [busy, behind] = [job("spin"), job("echo")];
          subject.send(lane, busy, behind);
          await ledger.until("the loop", () => ledger.logs.find(({ id }) => id === busy.id));
          lane.kill();
          lane.kill();
          const death = await ledger.death(lane);
          assert.deepEqual([death.started, death.unstarted, death.error], [[busy.id], [behind.id], null]);
          assert.deepEqual([death.cause, death.wasDeaf, death.heap], ["killed", true, null]);
          await replaced(subject, lane);
        }
      },
    },
    {
      title: "kill tells where a busy loop was and whose it is, except on a machine that is too busy to find out",
      when: ({ killsBusyThreads }) => killsBusyThreads,
      run: async (scene) => {
        const subject = await scene.started({ concurrency: 2 });
        const { ledger } = subject;
        for (let round = 0; round < 20; round += 1) {
          const lane = await ledger.lane(0);
          const [beside, busy] = [job("wait"), job("spin")];
          await subject.hold(lane, beside);
          subject.send(lane, busy);
          await ledger.until("the loop", () => ledger.logs.find(({ id }) => id === busy.id));
          lane.kill();
          const { culprit, stuckAt } = await ledger.death(lane);
          if (culprit === null) continue;
          assert.deepEqual(culprit, { id: busy.id, name: "spin", attempt: busy.attempt, meta: busy.meta });
          assert.match(stuckAt ?? "", /pool-suite.jobs/);
          return;
        }
        assert.fail("nothing was ever found out");
      },
    },
    {
      title: "a job that exits takes its lane with it: the code is told, what was answered stays answered, and who ran and who did not",
      when: ({ outlivesCrashes }) => outlivesCrashes,
      run: async (scene) => {
        const subject = await scene.started({ threads: 1, concurrency: 2 });
        for (const [round, exitCode] of [0, 1, 7].entries()) {
          if (round === 2) subject.pool.unref();
          const lane = await subject.ledger.lane(0);
          const held = job("wait");
          await subject.hold(lane, held);
          const [quick, exit, behind] = [jobs(30), job("exit", exitCode), jobs(2)];
          subject.send(lane, ...quick, exit, ...behind);
          const death = await subject.ledger.death(lane);
          assert.deepEqual([death.exitCode, death.error], [exitCode, null]);
          assert.deepEqual([death.started.toSorted(), death.unstarted.toSorted()], [[held.id, exit.id], idsOf(behind)]);
          await replaced(subject, lane);
        }
        assert.equal(subject.ledger.deaths.length, 3);
      },
    },
    {
      title: "an exit loses no answer, though the main thread was busy and heard all of it at once",
      when: ({ outlivesCrashes }) => outlivesCrashes,
      run: async (scene) => {
        const subject = await scene.started();
        const { doors, ledger } = subject;
        for (let round = 0; round < 3; round += 1) {
          const lane = await ledger.lane(0);
          const [ring, quick, exit] = [job("ring"), jobs(100), job("exit", 0)];
          doors.onVisit = (door) => {
            if (door === ring.id) beBusy(300);
          };
          subject.send(lane, ring, ...quick, exit);
          const { started, unstarted } = await ledger.death(lane);
          assert.deepEqual([started, unstarted], [[exit.id], []]);
          assert.ok(idsOf([ring, ...quick]).every((id) => ledger.where(id) === "answered"));
        }
      },
    },
    {
      title: "an error nobody catches is told with the run it comes from, and ends nothing",
      when: ({ outlivesCrashes }) => outlivesCrashes,
      run: async (scene) => {
        const subject = await scene.started({ concurrency: 2 });
        const { lane, ledger } = subject;
        const [crash, beside] = [job("crash", "nobody catches this"), job("echo")];
        subject.send(lane, crash, beside);
        const { run, error, lane: where } = await ledger.until("the error", () => ledger.strays[0]);
        assert.equal(where, lane);
        assert.deepEqual([error.name, error.message], ["RangeError", "nobody catches this"]);
        assert.deepEqual(run, { id: crash.id, name: "crash", attempt: crash.attempt, meta: crash.meta });
        assert.equal((await ledger.answer(beside.id)).outcome.kind, "ok");
        lane.kill();
        const { cause, started, wasDeaf, stuckAt } = await ledger.death(lane);
        assert.deepEqual([cause, started, wasDeaf, stuckAt], ["killed", [crash.id], false, null]);
      },
    },
    {
      title: "end disposes of the state before the lane goes, once; another takes its place",
      run: async (scene) => {
        for (const isUnref of [false, true]) {
          const subject = await scene.started({ threads: 2 });
          if (isUnref) subject.pool.unref();
          const { lanes, doors, ledger } = subject;
          const [other, lane] = lanes;
          assert.ok(lane !== undefined && other !== undefined);
          await subject.run(lane, job("echo"));
          doors.shut("dispose 1");
          lane.end();
          lane.end();
          await doors.reached("dispose 1");
          await settled();
          assert.equal(ledger.deaths.length, 0);
          doors.open("dispose 1");
          const { cause, error, wasDeaf, started, unstarted, culprit } = await ledger.death(lane);
          assert.deepEqual({ cause, error, wasDeaf, started, unstarted, culprit }, { cause: "ended", error: null, wasDeaf: false, started: [], unstarted: [], culprit: null });
          await replaced(subject, lane);
          await subject.run(other, job("echo"));
          assert.deepEqual([doors.count("dispose 1"), doors.count("dispose 0"), doors.count("boot 1")], [1, 0, 2]);
        }
      },
    },
    {
      title: "end does not wait for ever for a state that does not let itself be disposed of",
      run: async (scene) => {
        const subject = await scene.started({ disposeTimeoutMs: 50 });
        subject.doors.shut("dispose 0");
        subject.lane.end();
        await subject.ledger.death(subject.lane);
        await replaced(subject, subject.lane);
      },
    },
  ],
};
