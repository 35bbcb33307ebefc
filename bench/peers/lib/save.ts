/** Keeps results in bench/results, in the same form as the other benchmarks. */

import { mkdir, writeFile } from "node:fs/promises";
import { machineLines, type Machine } from "../../lib/machine.js";
import { type Section, toText } from "../../lib/report.js";

const RESULTS = new URL("../../results/", import.meta.url);

/** @returns where it was saved, without the ending */
export async function savePeers(machine: Machine, section: Section, quick: boolean): Promise<string> {
  const date = new Date().toISOString().slice(0, 10);
  const { title, data } = section;
  await mkdir(RESULTS, { recursive: true });
  const text = [`# peers, ${date}\n`, ...machineLines(machine).map((line) => `${line}\n`), toText(section), ""].join("\n");
  await writeFile(new URL(`${date}-peers.md`, RESULTS), text);
  await writeFile(
    new URL(`${date}-peers.json`, RESULTS),
    `${JSON.stringify({ what: "peers", date, quick, machine, ratios: {}, sections: [{ title, data }] }, null, 2)}\n`,
  );
  return `bench/results/${date}-peers`;
}
