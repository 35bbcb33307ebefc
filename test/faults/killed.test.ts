/** A moment of `npm run torture:kill`, so that it cannot rot. */

import { expect, it } from "vitest";
import { tortureByKilling } from "../torture/kill/conductor.js";

it("loses nothing that was acknowledged when the process is killed", { timeout: 60_000 }, async () => {
  const { violations, enqueued, kills } = await tortureByKilling({ rounds: 8, seed: 3, loseEvery: null });
  expect(violations).toEqual([]);
  expect(enqueued).toBeGreaterThan(0);
  expect([...kills.keys()]).toContain("enqueue before commit");
});

it("notices a storage that loses what it has acknowledged", { timeout: 60_000 }, async () => {
  const { violations } = await tortureByKilling({ rounds: 3, seed: 1, loseEvery: 5 });
  expect(violations.join()).toContain("acknowledged, and lost");
});

it("does not wait for ever for jobs that are stranded", { timeout: 60_000 }, async () => {
  const { violations } = await tortureByKilling({ rounds: 1, seed: 1, loseEvery: null, drainMs: 1 });
  expect(violations.join()).toContain("the last engine was not done after 1 ms");
});
