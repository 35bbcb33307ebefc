/** What Millrace warns of, since it would otherwise show late, or never. */

import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Engine } from "../../src/engine.js";
import type { EngineOptions } from "../../src/config.js";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.js";
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
  const AWAITED = expect.stringContaining("a job is awaited, but the engine, which has jobs, has not been started") as string;

  function scene(options: EngineOptions): { readonly engine: Engine; readonly clock: ManualClock; readonly end: () => Promise<unknown> } {
    const clock = manualClock();
    const engine = new Engine(options, { clock });
    const results = [1, 2].map((n) => engine.run("echo", n).catch((error: unknown) => error));
    return { engine, clock, end: () => Promise.all([clock.advance(60_000), engine.stop(), ...results]) };
  }

  it("once, if it was made to run jobs", async () => {
    const warnings = recordWarnings();
    const { clock, end } = scene({ jobs: jobsModule("basics.js") });
    await clock.advance(4_999);
    expect(warnings).toEqual([]);
    await clock.advance(60_000);
    expect(warnings).toEqual([AWAITED]);
    await end();
  });

  it("not if others run its jobs", async () => {
    const warnings = recordWarnings();
    const { clock, end } = scene({});
    await clock.advance(60_000);
    expect(warnings).toEqual([]);
    await end();
  });

  it("not once somebody has tried to start it, though in vain, and nothing is left after a stop", async () => {
    const warnings = recordWarnings();
    const tried = scene({ jobs: jobsModule("no-such-file.js") });
    const started = tried.engine.start().catch((error: unknown) => error);
    await tried.clock.advance(60_000);
    await tried.end();
    await started;
    expect(warnings.filter((warning) => warning.includes("awaited"))).toEqual([]);
    const stopped = scene({ jobs: jobsModule("basics.js") });
    await stopped.clock.settle();
    await stopped.engine.stop();
    expect(stopped.clock.timers).toBe(0);
  });
});
