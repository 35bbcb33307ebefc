/** A moment of `npm run torture:power`, so that it cannot rot. */

import { expect, it } from "vitest";
import { whySkipped } from "../torture/power/compiler.js";
import { losePower } from "../torture/power/power.js";

it.skipIf(whySkipped() !== null)("loses nothing that was acknowledged when the power goes", { timeout: 60_000 }, () => {
  const { violations, promises } = losePower({ images: 12, seed: 1, control: null });
  expect(violations).toEqual([]);
  expect(promises).toBeGreaterThan(0);
});

it.skipIf(whySkipped() !== null)("notices a storage that does not wait for the disk", { timeout: 60_000 }, () => {
  expect(losePower({ images: 12, seed: 1, control: "relaxed" }).violations).not.toEqual([]);
});
