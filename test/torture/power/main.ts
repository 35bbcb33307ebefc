/**
 * Takes away the power at any moment, and looks whether what was acknowledged is still in the store:
 *
 *     npm run torture:power -- --images 150
 *     npm run torture:power -- --images 30 --control relaxed     does not wait for the disk, which must be noticed
 *     npm run torture:power -- --images 30 --control liar        a disk that does not keep what it confirms, which must be noticed
 */

import { parseArgs } from "node:util";
import { whySkipped } from "./compiler.js";
import { losePower, type PowerControl } from "./power.js";

const MOST_SHOWN = 5;

const { values } = parseArgs({ options: { images: { type: "string", default: "150" }, seed: { type: "string", default: "1" }, control: { type: "string" } } });
const control = (values.control ?? null) as PowerControl | null;
if (control !== null && !["relaxed", "liar"].includes(control)) throw new Error("controls are relaxed and liar");
const reason = whySkipped();
if (reason === null) run();
else console.log(`skipped: ${reason}`);

function run(): void {
  const { events, syncs, promises, violations } = losePower({ images: Number(values.images), seed: Number(values.seed), control });
  for (const problems of violations.slice(0, MOST_SHOWN)) console.log("violation:", problems.slice(0, MOST_SHOWN).join("; "));
  console.log(`seed ${values.seed}: ${events} events with ${syncs} syncs, ${values.images} images, held to ${promises} acknowledgements, ${violations.length} images with violations`);
  // A control must be noticed; the storage itself must not.
  process.exitCode = violations.length > 0 === (control !== null) ? 0 : 1;
}
