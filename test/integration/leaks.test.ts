/** Threads that are held by native code, which nothing can interrupt: they are replaced, told of, and do not hold up a stop. */

import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ThreadPool } from "../../dist/src/dispatch/thread-pool.js";
import type { Lane } from "../../dist/src/dispatch/pool.js";
import { job, resultOf, Scene, type Subject } from "../../dist/src/testing/pool-suite/scene.js";
import { jobsModule } from "./engines.js";
import { runProcess } from "./processes.js";

const supports = { ownThreads: true, killsBusyThreads: true, outlivesCrashes: true };
const leaking = jobsModule("leaking.js").href;

/** Nobody is told when such a thread ends after all. */
const ENDS = { timeout: 20_000, interval: 5 };

async function started(threads: number): Promise<Subject> {
  const scene = new Scene((plan) => new ThreadPool({ ...plan, jobsUrl: leaking, resourceLimits: null, maxHeapPerThread: null, execArgv: null, env: null }), supports);
  onTestFinished(() => scene.end());
  return scene.started({ threads });
}

/** A named pipe that nobody writes to, and how to let its reader go. */
function newFifo(): { readonly path: string; readonly letGo: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "millrace-"));
  const path = join(folder, "pipe");
  execFileSync("mkfifo", [path]);
  const letGo = (): void => {
    try {
      closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
    } catch {
      // Nobody reads it any more.
    }
  };
  onTestFinished(() => {
    // A process cannot end while one of its threads reads.
    letGo();
    rmSync(folder, { recursive: true });
  });
  return { path, letGo };
}

/** Lets native code hold the lane's thread, and kills it then. Resolves to how long that took. */
async function hold(subject: Subject, lane: Lane, payload: { readonly how: string; readonly path?: string }): Promise<number> {
  const held = job("native", payload);
  subject.send(lane, held, job("whoami"));
  await subject.ledger.until("the native call", () => subject.ledger.logs.find(({ id }) => id === held.id));
  const killedAt = performance.now();
  lane.kill();
  const { cause, wasDeaf, started: running, unstarted } = await subject.ledger.death(lane);
  expect({ cause, wasDeaf, running, unstarted: unstarted.length }).toEqual({ cause: "killed", wasDeaf: true, running: [held.id], unstarted: 1 });
  return performance.now() - killedAt;
}

function replacement(subject: Subject, lane: Lane): Promise<Lane> {
  return subject.ledger.until("the replacement", () => subject.ledger.lanes.find((other) => other.thread === lane.thread && other !== lane));
}

describe("a thread that native code holds", () => {
  it.each([false, true])("is replaced at once; its end is told when it comes, and nothing else of it; at rest: %s", async (isAtRest) => {
    const subject = await started(2);
    const { ledger, pool } = subject;
    if (isAtRest) pool.unref();
    const { path, letGo } = newFifo();
    const lane = await ledger.lane(1);
    expect(await hold(subject, lane, { how: "fifo", path })).toBeLessThan(3_000);
    const next = await replacement(subject, lane);
    expect([ledger.leaks, pool.leaked]).toEqual([[1], 1]);
    const [answer] = await subject.run(next, job("whoami"));
    expect(answer === undefined ? null : resultOf(answer)).toEqual(expect.any(Number));
    letGo();
    await expect.poll(() => pool.leaked, ENDS).toBe(0);
    expect(ledger.logs.map(({ line }) => line.message)).toEqual(["going in"]);
    expect([ledger.deaths.length, ledger.bootErrors]).toEqual([1, []]);
    await subject.run(next, job("whoami"));
  });

  it("may be one of many: each is replaced, and stop returns in time", async () => {
    const subject = await started(2);
    const { ledger, pool } = subject;
    const pipes = [newFifo(), newFifo(), newFifo()];
    for (const [index, { path }] of pipes.entries()) {
      const lane = await ledger.lane(index % 2);
      await hold(subject, lane, { how: "fifo", path });
      await replacement(subject, lane);
    }
    await hold(subject, await ledger.lane(0), { how: "sleep" });
    await subject.run(await ledger.lane(0), job("whoami"));
    expect(pool.leaked).toBe(4);
    const stoppedAt = performance.now();
    await subject.stop();
    expect(performance.now() - stoppedAt).toBeLessThan(3_000);
    for (const { letGo } of pipes) letGo();
  });

  it("while the pool stops does not hold it up either", async () => {
    const subject = await started(3);
    const { ledger, pool } = subject;
    pool.unref();
    const pipes = [newFifo(), newFifo(), newFifo()];
    const lanes = await Promise.all([0, 1, 2].map((thread) => ledger.lane(thread)));
    for (const [index, lane] of lanes.entries()) subject.send(lane, job("native", { how: "fifo", path: pipes[index]?.path }));
    await ledger.until("the native calls", () => (ledger.logs.length === 3 ? true : undefined));
    const stoppedAt = performance.now();
    await subject.stop();
    expect(performance.now() - stoppedAt).toBeLessThan(3_000);
    expect(ledger.deaths.map(({ death }) => death.cause)).toEqual(["killed", "killed", "killed"]);
  });

  it("in a computation is replaced as well, and frees itself", async () => {
    const subject = await started(1);
    const { ledger } = subject;
    const lane = await ledger.lane(0);
    await hold(subject, lane, { how: "short sleep" });
    await replacement(subject, lane);
    expect(ledger.leaks).toEqual([0]);
    await expect.poll(() => subject.pool.leaked, ENDS).toBe(0);
  });
});

it("the process of a stopped engine does not wait for what such a thread will never hear", async () => {
  const { lines, code } = await runProcess("leaking.js");
  expect({ lines, code }).toEqual({ lines: ["MILLRACE_JOB_TIMEOUT", "leaked 1", "stopped", "ended in time"], code: 0 });
});

it("the process of a stopped engine gets to its end though native code still holds a thread", async () => {
  const { lines, code } = await runProcess("held-by-native.js");
  expect({ lines, code }).toEqual({ lines: ["MILLRACE_JOB_CANCELLED", "stopped", "ended in time"], code: 0 });
});
