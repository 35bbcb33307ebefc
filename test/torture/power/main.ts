/**
 * Watches what a store of SQLite writes, loses the power at random moments of it, and opens what a disk may hold then:
 *
 *     npm run torture:power -- --images 150
 *     npm run torture:power -- --images 150 --seed 7
 *     npm run torture:power -- --images 30 --control relaxed       a broken store, or disk, which must be noticed
 */

import { parseArgs } from "node:util";
import { whyNoPreload } from "../../preload.js";
import { type Control, CONTROLS, losePower, type PowerReport } from "./power.js";

const MOST_SHOWN = 20;
const ROUNDS = 300;

const { values } = parseArgs({
  options: { images: { type: "string", default: "150" }, seed: { type: "string", default: "1" }, control: { type: "string" } },
});
const control = CONTROLS.find((name) => name === values.control);
if (values.control !== control) throw new Error(`controls are ${CONTROLS.join(", ")}`);

const skipped = whyNoPreload();
if (skipped === null) run(control);
else console.log(`skipped: ${skipped}`);

function run(control: Control | undefined): void {
  const report = losePower({ images: Number(values.images), seed: Number(values.seed), rounds: ROUNDS, control });
  print(report);
  // A control must be noticed; the store itself must not.
  const isFlawless = report.verdicts.every(({ violations }) => violations.length === 0);
  process.exitCode = isFlawless === (control === undefined) ? 0 : 1;
}

function print({ events, verdicts }: PowerReport): void {
  const count = (type: string): number => events.filter((event) => event.type === type).length;
  const violations = verdicts.flatMap(({ cut, violations: found }, index) => found.map((text) => `image ${index}, after event ${cut}: ${text}`));
  for (const text of violations.slice(0, MOST_SHOWN)) console.log("violation:", text);
  const acks = verdicts.reduce((sum, verdict) => sum + verdict.acks, 0);
  const cuts = new Set(verdicts.map(({ cut }) => cut)).size;
  console.log(`the program: ${events.length} events, ${count("write")} writes, ${count("synced")} syncs, ${count("note")} notes`);
  const broken = verdicts.filter(({ violations: found }) => found.length > 0).length;
  console.log(`seed ${values.seed}: ${verdicts.length} images of ${cuts} moments, ${acks} acknowledgements checked, ${violations.length} violations in ${broken} images`);
}
