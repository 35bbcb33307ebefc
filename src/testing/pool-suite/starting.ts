import assert from "node:assert/strict";
import { manualClock } from "../manual-clock.js";
import { type Facts, JOB_NAMES } from "./jobs.js";
import { job, resultOf, settled } from "./scene.js";
import type { Section } from "./section.js";
import { inTime } from "./watch.js";

export const starting: Section = {
  title: "start",
  cases: [
    {
      title: "resolves as soon as one lane is ready, whichever it is",
      run: async (scene) => {
        for (const [held, free] of [[0, 1], [1, 0]] as const) {
          const { pool, doors, ledger } = scene.pool({ threads: 2 });
          doors.shut(`boot ${held}`);
          await inTime("start", pool.start(ledger));
          assert.deepEqual(ledger.lanes.map(({ thread }) => thread), [free]);
          doors.open(`boot ${held}`);
          await ledger.lane(held);
        }
      },
    },
    {
      title: "does not resolve before a lane is ready, and the lane takes jobs then",
      run: async (scene) => {
        const subject = scene.pool();
        const { doors, ledger } = subject;
        doors.shut("boot 0");
        const started = subject.start().then(() => ledger.lanes.length);
        await doors.reached("boot 0");
        await settled();
        assert.equal(ledger.lanes.length, 0);
        doors.open("boot 0");
        assert.equal(await started, 1);
        await subject.run(await ledger.lane(0), job("echo"));
      },
    },
    {
      title: "brings as many lanes as there are threads, with numbers, names and room, and each only once",
      run: async (scene) => {
        const { pool, lanes, doors, ledger } = await scene.started({ threads: 3, concurrency: 2 });
        assert.deepEqual([pool.threads, pool.concurrency], [3, 2]);
        assert.deepEqual(lanes.map(({ thread }) => thread), [0, 1, 2]);
        for (const lane of lanes) {
          assert.deepEqual(lane.names, JOB_NAMES);
          assert.ok(lane.room >= pool.concurrency, "a lane has room for what it may run at once");
        }
        await settled();
        assert.deepEqual(doors.visits.toSorted(), ["boot 0", "boot 1", "boot 2"]);
        assert.equal(ledger.allLanes.length, 3);
      },
    },
    {
      title: "rejects when a thread cannot be made ready, and says why; it is tried again, and heals",
      run: async (scene) => {
        const clock = manualClock();
        const subject = scene.pool({ clock });
        const { doors, ledger } = subject;
        doors.fail("boot 0", "no state today");
        await assert.rejects(subject.start(), /no state today/);
        for (const tries of [1, 2, 3]) {
          await doors.reachedTimes("boot 0", tries);
          const error = await ledger.until(`boot error ${tries}`, () => ledger.bootErrors[tries - 1]);
          assert.ok(error instanceof Error);
          assert.match(error.message, /no state today/);
          // Never at once: a module that cannot be loaded must not keep the machine busy.
          await settled();
          assert.equal(doors.count("boot 0"), tries);
          if (tries === 3) doors.open("boot 0");
          assert.equal(await clock.advanceToNextTimer(), true, "the pool waits to try again");
        }
        await subject.run(await ledger.lane(0), job("echo"));
        assert.equal(ledger.bootErrors.length, 3);
      },
    },
    {
      title: "rejects when one thread fails before another is ready, which is ready nevertheless",
      run: async (scene) => {
        const subject = scene.pool({ threads: 2, clock: manualClock() });
        const { doors, ledger } = subject;
        doors.shut("boot 1");
        doors.fail("boot 0", "not this one");
        await assert.rejects(subject.start(), /not this one/);
        doors.open("boot 1");
        await subject.run(await ledger.lane(1), job("echo"));
        assert.equal(ledger.bootErrors.length, 1);
      },
    },
    {
      title: "has resolved already when a thread fails after another was ready; the failure is told, and tried again",
      run: async (scene) => {
        const clock = manualClock();
        const subject = scene.pool({ threads: 2, clock });
        const { doors, ledger } = subject;
        doors.shut("boot 1");
        await subject.start();
        await doors.reached("boot 1");
        doors.fail("boot 1", "too late");
        await ledger.until("the boot error", () => ledger.bootErrors[0]);
        doors.open("boot 1");
        await settled();
        await clock.advanceToNextTimer();
        await subject.run(await ledger.lane(1), job("echo"));
        assert.equal(ledger.bootErrors.length, 1);
      },
    },
    {
      title: "tries no more once the pool was stopped",
      run: async (scene) => {
        const clock = manualClock();
        const subject = scene.pool({ clock });
        const { doors, ledger } = subject;
        doors.fail("boot 0", "never");
        await assert.rejects(subject.start(), /never/);
        await ledger.until("the boot error", () => ledger.bootErrors[0]);
        await subject.stop();
        await clock.advance(600_000);
        assert.equal(doors.count("boot 0"), 1);
      },
    },
    {
      title: "makes a state for every lane, of its own queue and thread; two pools share nothing",
      run: async (scene) => {
        const one = await scene.started({ threads: 2, queue: "one" });
        const two = await scene.started({ threads: 2, queue: "two" });
        const told: Facts[] = [];
        for (const subject of [one, two]) {
          for (const lane of subject.lanes) told.push(...(await subject.run(lane, job("facts"))).map((answer) => resultOf(answer) as Facts));
        }
        assert.deepEqual(told.map(({ state }) => [state.queue, state.slot]), [["one", 0], ["one", 1], ["two", 0], ["two", 1]]);
        assert.deepEqual(told.map(({ queue }) => queue), ["one", "one", "two", "two"]);
        if (!scene.supports.ownThreads) assert.equal(new Set(told.map(({ state }) => state.serial)).size, 4);
        else assert.equal(new Set(told.map(({ threadId }) => threadId)).size, 4);
        await one.stop();
        await two.run(two.lane, job("echo"));
      },
    },
  ],
};
