/** The simulation on a SQLite file. Many more seeds: `npm run sim -- --storage sqlite --seeds 2000`. */

import { beforeAll, describe, expect, it } from "vitest";
import { CONTROLS, FILE_CONTROLS, NO_CONTROL } from "./controls.js";
import { simulate } from "./simulate.js";
import { simulateMany } from "./simulate-many.js";

const storage = "sqlite";

beforeAll(() => {
  // The engine warns of the faults that are made on purpose.
  process.emitWarning = (): void => undefined;
});

describe("the simulation on a file", () => {
  it("finds nothing wrong, whoever dies", { timeout: 120_000 }, async () => {
    const { bad, happened } = await simulateMany({ from: 1, seeds: 150, control: NO_CONTROL, storage });
    expect(bad).toEqual([]);
    // What only a file has, and what never happens proves nothing.
    const ofFiles = ["owners found dead", "takeovers", "killed by a job", "jobs that ran alone, since processes had died", "jobs given up", "threads of the storage ended", "transactions of several calls"];
    for (const what of ofFiles) expect([what, happened.get(what) ?? 0]).not.toEqual([what, 0]);
  });

  it("runs the same way from the same seed", async () => {
    const [first, second] = [await simulate(15, { storage }), await simulate(15, { storage })];
    expect(first.hash).toBe(second.hash);
    expect(first.hash).not.toBe((await simulate(16, { storage })).hash);
  });

  it.each(Object.entries({ ...CONTROLS, ...FILE_CONTROLS }))("notices what is broken: %s", { timeout: 120_000 }, async (_name, control) => {
    const { bad } = await simulateMany({ from: 1, seeds: 200, control, storage, untilBad: true });
    expect(bad.length).toBeGreaterThan(0);
  });
});
