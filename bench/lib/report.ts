/** Results as tables: on the terminal, and kept in bench/results. */

import { mkdir, writeFile } from "node:fs/promises";
import { machineLines, type Machine } from "./machine.js";

export interface Section {
  readonly title: string;
  /** How it was measured. */
  readonly notes: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** The same as numbers. */
  readonly data: unknown;
}

export interface Options {
  /** Everything for a moment only, to see that it works. The numbers mean nothing. */
  readonly smoke: boolean;
}

export function toText({ title, notes, columns, rows }: Section): string {
  return [`\n## ${title}\n`, ...notes.map((note) => `${note}\n`), ...tableLines(columns, rows)].join("\n");
}

function tableLines(columns: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0))).join(" | ")} |`;
  const rule = `|${widths.map((width, index) => (index === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(columns), rule, ...rows.map(line)];
}

/** @returns where it was saved, without the ending */
export async function save(what: string, machine: Machine, sections: readonly Section[]): Promise<string> {
  const date = new Date().toISOString().slice(0, 10);
  const name = `bench/results/${date}-${what}`;
  const folder = new URL("../results/", import.meta.url);
  await mkdir(folder, { recursive: true });
  const text = [`# ${what}, ${date}\n`, ...machineLines(machine).map((line) => `${line}\n`), ...sections.map(toText), ""].join("\n");
  const data = { what, date, machine, sections: sections.map(({ title, data }) => ({ title, data })) };
  await writeFile(new URL(`${date}-${what}.md`, folder), text);
  await writeFile(new URL(`${date}-${what}.json`, folder), `${JSON.stringify(data, null, 2)}\n`);
  return name;
}
