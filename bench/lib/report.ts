/** Results as tables: on the terminal, and kept in bench/results. */

import { mkdir, writeFile } from "node:fs/promises";
import { machineLines, type Machine } from "./machine.js";
import type { Ratios } from "./ratio.js";

export interface Section {
  readonly title: string;
  /** How it was measured. */
  readonly notes: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** The same as numbers. */
  readonly data: unknown;
  /** What is judged in it. A key never changes its meaning: results are compared by it. */
  readonly ratios?: Ratios;
}

export interface Options {
  /** Everything for a moment only, to see that it works. The numbers mean nothing. */
  readonly quick: boolean;
  /** With what takes minutes and gigabytes. */
  readonly huge: boolean;
}

/** What a result file holds. */
export interface ResultFile {
  readonly what: string;
  readonly date: string;
  readonly quick: boolean;
  readonly machine: Machine;
  readonly ratios: Ratios;
  readonly sections: readonly { readonly title: string; readonly data: unknown }[];
}

export function toText({ title, notes, columns, rows }: Section): string {
  return [`\n## ${title}\n`, ...notes.map((note) => `${note}\n`), ...tableLines(columns, rows)].join("\n");
}

export function tableLines(columns: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0))).join(" | ")} |`;
  const rule = `|${widths.map((width, index) => (index === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(columns), rule, ...rows.map(line)];
}

export function allRatios(sections: readonly Section[]): Ratios {
  return Object.assign({}, ...sections.map(({ ratios }) => ratios ?? {})) as Ratios;
}

/** @returns where it was saved, without the ending */
export async function save(
  what: string,
  { machine, sections, quick }: { readonly machine: Machine; readonly sections: readonly Section[]; readonly quick: boolean },
): Promise<string> {
  const date = new Date().toISOString().slice(0, 10);
  const folder = new URL("../results/", import.meta.url);
  await mkdir(folder, { recursive: true });
  const text = [`# ${what}, ${date}\n`, ...machineLines(machine).map((line) => `${line}\n`), ...sections.map(toText), ""].join("\n");
  const data: ResultFile = { what, date, quick, machine, ratios: allRatios(sections), sections: sections.map(({ title, data }) => ({ title, data })) };
  await writeFile(new URL(`${date}-${what}.md`, folder), text);
  await writeFile(new URL(`${date}-${what}.json`, folder), `${JSON.stringify(data, null, 2)}\n`);
  return `bench/results/${date}-${what}`;
}
