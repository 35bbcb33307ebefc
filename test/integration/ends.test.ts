/** Threads that are to end for two reasons at a time. */

import { expect, it, onTestFinished } from "vitest";
import { type Clock, systemClock } from "../../dist/src/clock.js";
import { ThreadPool } from "../../dist/src/dispatch/thread-pool.js";
import { Scene } from "../../dist/src/testing/pool-suite/scene.js";
import { jobsModule } from "./engines.js";

const supports = { ownThreads: true, killsBusyThreads: true, outlivesCrashes: true };
const DISPOSE_MS = 50;

/** All but `dispose` may take long, as it does on a busy machine. */
function patientClock(): Clock {
  const clock = systemClock();
  return { ...clock, setTimer: (ms, fire) => clock.setTimer(ms === DISPOSE_MS ? ms : 20 * ms, fire) };
}

it("a thread whose state is never disposed of is looked at before it is ended, also when its pool stops", async () => {
  const jobsUrl = jobsModule("held-at-end.js").href;
  const scene = new Scene((plan) => new ThreadPool({ ...plan, jobsUrl, resourceLimits: null, maxHeapPerThread: null, execArgv: null, env: null }), supports);
  onTestFinished(() => scene.end());
  const { pool, lane, ledger } = await scene.started({ disposeTimeoutMs: DISPOSE_MS, clock: patientClock() });
  lane.end();
  await pool.stop();
  expect(ledger.deaths).toMatchObject([{ death: { cause: "killed", wasDeaf: true, stuckAt: expect.stringContaining("held-at-end.js:5:") as string } }]);
});
