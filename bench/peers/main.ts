/**
 * npm run bench:peers [-- [names] [--quick] [--json]]
 *
 * Millrace beside what people use today. Without a name, all of them; what else is needed for a comparison always takes part.
 * --quick runs everything for a moment, to see that it works. --json keeps the results in bench/results, by date.
 */

import { parseArgs } from "node:util";
import { describeMachine, machineLines } from "../lib/machine.js";
import { toText } from "../lib/report.js";
import type { Description } from "./types.js";
import { BASELINE, describeAll, Entrant, TITLES } from "./lib/field.js";
import { Rounds } from "./lib/rounds.js";
import { savePeers } from "./lib/save.js";
import { startServices } from "./lib/services.js";
import { toSection } from "./lib/table.js";
import { withPeers } from "./lib/versions.js";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, json: { type: "boolean", default: false } },
});
const unknown = positionals.find((name) => !(name in TITLES));
if (unknown !== undefined) throw new RangeError(`there is no contestant ${unknown}, only ${Object.keys(TITLES).join(", ")}`);
const chosen = Object.keys(TITLES).filter((name) => name === BASELINE || positionals.length === 0 || positionals.includes(name));

const startedAt = performance.now();
const machine = withPeers(describeMachine());
console.log([`\n# peers${values.quick ? ", for a moment: the numbers mean nothing" : ""}\n`, ...machineLines(machine)].join("\n"));

const notes: string[] = [];
const descriptions = await describeAll(chosen, notes);
const started = await startServices(new Set([...descriptions.values()].flatMap(({ service }) => service ?? [])));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void started.stop().finally(() => process.exit(1)));
try {
  notes.push(...started.notes);
  for (const note of notes) console.log(note);
  const entrants = [...descriptions].filter(([, description]) => isServed(description)).map(([name, description]) => enter(name, description));
  const baseline = entrants.find(({ name }) => name === BASELINE);
  if (baseline === undefined) throw new Error("nothing to compare with");
  const rounds = new Rounds(entrants, baseline, { quick: values.quick, say: (message) => console.log(`… ${message}`) });
  await rounds.run();
  if (rounds.failures.size > 0) process.exitCode = 1;
  const section = toSection(entrants, rounds.results, [...notes, ...[...rounds.failures].map(([name, reason]) => `${TITLES[name] ?? name} ${reason}`)]);
  console.log(toText(section));
  console.log(`\nIt took ${Math.round((performance.now() - startedAt) / 1_000)} s.`);
  if (values.json) console.log(`Saved as ${await savePeers(machine, section, values.quick)}`);
} finally {
  await started.stop();
}
// Said aloud, since the embedded database ends the process with 0, whatever happened.
process.exit();

function isServed({ service }: Description): boolean {
  const { redisPort, postgresUrl } = started.services;
  return service === undefined || (service === "redis" ? redisPort !== undefined : postgresUrl !== undefined);
}

function enter(name: string, description: Description): Entrant {
  return new Entrant(name, { description, quick: values.quick, services: started.services, folder: started.folder });
}
