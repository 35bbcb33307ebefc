/**
 * Kills engines that work on a SQLite file, at random and at named points, starts them again, and looks for what got lost:
 *
 *     npm run torture:kill -- --rounds 200
 *     npm run torture:kill -- --rounds 20 --seed 7
 *     npm run torture:kill -- --rounds 20 --control      a storage that loses transactions, which must be noticed
 */

import { parseArgs } from "node:util";
import { POINTS, tortureByKilling } from "./conductor.js";

/** For the control: of so many transactions one is lost. */
const LOSE_EVERY = 10;

const { values } = parseArgs({ options: { rounds: { type: "string", default: "200" }, seed: { type: "string", default: "1" }, control: { type: "boolean", default: false } } });
const report = await tortureByKilling({ rounds: Number(values.rounds), seed: Number(values.seed), loseEvery: values.control ? LOSE_EVERY : null });
const { kills, enqueued, completed, effects, crashLoops, violations } = report;
console.table(Object.fromEntries([...kills].sort().map(([where, count]) => [where, { kills: count }])));
const missed = POINTS.filter((point) => !kills.has(point));
if (missed.length > 0) console.log(`never killed ${missed.join(", ")}: more rounds are needed`);
for (const violation of violations) console.log("violation:", violation);
console.log(
  `seed ${values.seed}, ${values.rounds} rounds: ${enqueued} jobs acknowledged, ${completed} ends acknowledged, ${effects} runs, ` +
    `${crashLoops} given up that were killed alone for the third time, ${violations.length} violations`,
);
// A control must be noticed; the storage itself must not.
process.exitCode = violations.length > 0 === values.control ? 0 : 1;
