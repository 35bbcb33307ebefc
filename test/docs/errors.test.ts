/** docs/errors.md lists exactly the error classes that are exported, with exactly the codes that the code has. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as errors from "../../src/errors.js";
import * as exported from "../../src/index.js";
import { readDocument, ROOT } from "./markdown.js";

type ErrorClass = typeof errors.MillraceError;

interface Row {
  readonly name: string;
  readonly code: string;
}

const ROW = /^\| `(?<name>\w+Error)` \| `(?<code>MILLRACE_\w+)` \| [^|]{10,} \| [^|]{10,} \|$/gm;
const documented = [...readDocument("docs/errors.md").text.matchAll(ROW)].map(({ groups }): Row => ({ name: groups?.["name"] ?? "", code: groups?.["code"] ?? "" }));

function isErrorClass(value: unknown): value is ErrorClass {
  return typeof value === "function" && value.prototype instanceof errors.MillraceError;
}

function codeOf(errorClass: ErrorClass): string {
  // An argument that holds what any of the constructors reads.
  const about = { id: "1", name: "job", runs: 1, path: "payload", file: "jobs.js" };
  return (Reflect.construct(errorClass, ["message", about, { exitCode: null }]) as errors.MillraceError).code;
}

function rowsOf(module: object): readonly Row[] {
  const classes = Object.entries(module).filter((entry): entry is [string, ErrorClass] => isErrorClass(entry[1]));
  return classes.map(([name, errorClass]) => ({ name, code: codeOf(errorClass) }));
}

function byName(rows: readonly Row[]): readonly Row[] {
  return [...rows].sort((a, b) => a.name.localeCompare(b.name));
}

function sourceOf(folder: string): string {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  return files.map((file) => readFileSync(join(ROOT, folder, file), "utf8")).join("\n");
}

describe("docs/errors.md", () => {
  it("lists the classes that are exported, with their codes", () => {
    expect(byName(documented)).toEqual(byName(rowsOf(exported)));
  });

  it("has no class less than there is", () => {
    expect(byName(rowsOf(exported))).toEqual(byName(rowsOf(errors)));
  });

  it("lists every code that occurs in the source", () => {
    const codes = new Set(`${sourceOf("src")}\n${sourceOf("workers")}`.match(/\bMILLRACE_[A-Z_]+\b/g));
    expect([...codes].sort()).toEqual(documented.map(({ code }) => code).sort());
  });

  it("gives each class a name and a code of its own", () => {
    expect(new Set(documented.map(({ code }) => code)).size).toBe(documented.length);
    for (const { name } of documented) expect(exported[name as keyof typeof exported].prototype).toHaveProperty("name", name);
  });
});
