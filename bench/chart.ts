/**
 * npm run bench:chart [-- files of results]
 *
 * Draws docs/performance.svg. Without files, from the newest of the no-op jobs in bench/results, and of the peers if there is one.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { type Bar, drawBars, type Panel } from "./lib/bar-chart.js";
import type { Summary } from "./lib/numbers.js";
import type { ResultFile } from "./lib/report.js";

const RESULTS = new URL("results/", import.meta.url);
const TARGET = new URL("../docs/performance.svg", import.meta.url);

interface NoopData {
  readonly rows: readonly { readonly name: string; readonly jobsPerSecond: Summary }[];
}

type PeersData = readonly { readonly name: string; readonly title: string; readonly noopsPerSecond: Summary | null }[];

/** What is drawn of a result file, by what was measured. */
const PANELS: Readonly<Record<string, (result: ResultFile) => Panel>> = { noop: noopPanel, peers: peersPanel };

const files = process.argv.length > 2 ? process.argv.slice(2) : newestFiles();
const panels = files.map((file) => {
  const result = JSON.parse(readFileSync(file, "utf8")) as ResultFile;
  const toPanel = PANELS[result.what];
  if (toPanel === undefined) throw new RangeError(`${basename(String(file))} holds ${result.what}, and only ${Object.keys(PANELS).join(", ")} can be drawn`);
  return toPanel(result);
});
writeFileSync(TARGET, drawBars(panels));
console.log(`docs/performance.svg, from ${files.map((file) => basename(String(file))).join(" and ")}`);

function newestFiles(): readonly URL[] {
  const names = readdirSync(RESULTS).toSorted();
  const newest = ["noop", "peers"].flatMap((what) => names.findLast((name) => name.endsWith(`-${what}.json`)) ?? []);
  if (!newest.some((name) => name.endsWith("-noop.json"))) throw new Error("there is no result to draw: npm run bench -- noop --json");
  return newest.map((name) => new URL(name, RESULTS));
}

function noopPanel({ date, machine, sections }: ResultFile): Panel {
  const { rows } = sections[0]?.data as NoopData;
  const bars = rows.map(({ name, jobsPerSecond }): Bar => ({ label: toLabel(name), value: jobsPerSecond, isOurs: name.startsWith("engine") }));
  return { title: "Jobs a second that do nothing, 2 threads", note: note(date, machine, "every result awaited"), bars: sort(bars) };
}

/** `engine.enqueueMany(), 1000 at a time` is more than fits beside a bar. */
function toLabel(name: string): string {
  return name.replace("engine.", "Millrace, ").replace("piscina.run()", "Piscina, at its best setting").replace(/\(\), .*$/, "()");
}

function peersPanel({ date, machine, sections }: ResultFile): Panel {
  const rows = sections[0]?.data as PeersData;
  const bars = rows.flatMap(({ name, title, noopsPerSecond }): readonly Bar[] => {
    return noopsPerSecond === null ? [] : [{ label: title, value: noopsPerSecond, isOurs: name.startsWith("millrace") }];
  });
  return { title: "Beside its peers: jobs a second that do nothing, 2 threads", note: note(date, machine, "counted when recorded as done"), bars: sort(bars) };
}

function note(date: string, { cpu, cores, node }: ResultFile["machine"], how: string): string {
  return `${how}; medians, with the range as a line. ${cpu}, ${cores} cores, Node ${node}, ${date}`;
}

function sort(bars: readonly Bar[]): readonly Bar[] {
  return bars.toSorted((a, b) => b.value.median - a.value.median);
}
