/** A few seeds of the simulation, and its controls. Many more: `npm run sim -- --seeds 10000`. */

import { beforeAll, describe, expect, it } from "vitest";
import { CONTROLS, NO_CONTROL } from "./controls.js";
import { simulate } from "./simulate.js";
import { simulateMany } from "./simulate-many.js";

beforeAll(() => {
  // The engine warns of the faults that are made on purpose.
  process.emitWarning = (): void => undefined;
});

describe("the simulation", () => {
  it("finds nothing wrong with the engine", { timeout: 120_000 }, async () => {
    const { bad } = await simulateMany({ from: 1, seeds: 100, control: NO_CONTROL });
    expect(bad).toEqual([]);
  });

  it("runs the same way from the same seed", async () => {
    const [first, second] = [await simulate(7), await simulate(7)];
    expect(first.hash).toBe(second.hash);
    expect(first.hash).not.toBe((await simulate(8)).hash);
  });

  it.each(Object.entries(CONTROLS))("notices a broken engine: %s", { timeout: 120_000 }, async (_name, control) => {
    const { bad } = await simulateMany({ from: 1, seeds: 200, control, untilBad: true });
    expect(bad.length).toBeGreaterThan(0);
  });
});
