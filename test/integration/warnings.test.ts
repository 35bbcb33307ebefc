/** What Millrace warns of, since it would otherwise show late, or never. */

import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Engine } from "../../src/engine.js";
import { manualClock } from "../../src/testing/manual-clock.js";
import { StartReminder } from "../../src/start-reminder.js";
import { jobsModule, startEngine } from "./engines.js";

function recordWarnings(): readonly string[] {
  const warnings: string[] = [];
  const spy = vi.spyOn(process, "emitWarning").mockImplementation((warning) => void warnings.push(String(warning)));
  onTestFinished(() => spy.mockRestore());
  return warnings;
}

it("many queues that nobody has configured, once", async () => {
  const warnings = recordWarnings();
  const engine = await startEngine();
  for (let n = 0; n < 9; n += 1) await engine.run("echo", n, { queue: `customer-${n}` });
  expect(warnings.filter((warning) => warning.includes("queues"))).toEqual([expect.stringContaining("8 queues that createEngine was not told of")]);
});

describe("a job that is awaited where the engine was not started", () => {
  const AWAITED = "a job is awaited, but the engine has not been started: call engine.start()";

  it("once, if it was made to run jobs", async () => {
    const warnings = recordWarnings();
    const clock = manualClock();
    const engine = new Engine({ jobs: jobsModule("basics.js") }, { clock });
    const results = [1, 2].map((n) => engine.run("echo", n).catch((error: unknown) => error));
    await clock.advance(4_999);
    expect(warnings).toEqual([]);
    await clock.advance(60_000);
    expect(warnings).toEqual([AWAITED]);
    await Promise.all([clock.advance(60_000), engine.stop(), ...results]);
  });

  it("not if it has started meanwhile, or others run its jobs", async () => {
    const warnings = recordWarnings();
    const clock = manualClock();
    let isIdle = true;
    new StartReminder(clock, () => isIdle).note();
    isIdle = false;
    const client = new Engine({}, { clock });
    const result = client.run("echo", 1).catch((error: unknown) => error);
    await clock.advance(60_000);
    expect(warnings).toEqual([]);
    await Promise.all([clock.advance(60_000), client.stop(), result]);
  });
});
