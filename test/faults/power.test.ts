/** A moment of `npm run torture:power`, so that it cannot rot. */

import { expect, it } from "vitest";
import { whyNoPreload } from "../preload.js";
import { CONTROLS, type Control, losePower } from "../torture/power/power.js";

const IMAGES = 12;
const ROUNDS = 90;

function violationsWith(control: Control | undefined): readonly string[] {
  return losePower({ images: IMAGES, seed: 1, rounds: ROUNDS, control }).verdicts.flatMap(({ violations }) => violations);
}

it.skipIf(whyNoPreload() !== null)("loses nothing that was acknowledged when the power goes", { timeout: 60_000 }, () => {
  expect(violationsWith(undefined)).toEqual([]);
});

it.skipIf(whyNoPreload() !== null).each(CONTROLS)("notices what is broken on purpose: %s", { timeout: 60_000 }, (control) => {
  expect(violationsWith(control)).not.toEqual([]);
});
