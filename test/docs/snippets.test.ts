/**
 * Every piece of JavaScript and TypeScript in README.md and docs/ runs, and the TypeScript fits the types. How a fence says what it
 * belongs to is told in docs/contributing.md.
 */

import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";
import { afterAll, describe, expect, it } from "vitest";
import { type Example, examplesOf, fencesOf, isCode, readDocument, readDocuments, ROOT } from "./markdown.js";
import { newProject, runNode } from "./project.js";

/** An excuse must stay an exception. */
const MOST_NOT_RUN = 4;

/** Pages whose code another check runs word for word, since it needs what is not installed here. */
const RUN_ELSEWHERE: ReadonlyMap<string, string> = new Map([["docs/bundlers.md", "test/package/bundlers.ts"]]);

const documents = readDocuments();
const fences = documents.flatMap(fencesOf);
const project = newProject();
const examples = documents
  .filter(({ path }) => !RUN_ELSEWHERE.has(path))
  .flatMap(examplesOf)
  .map((example) => ({ ...example, folder: project.write(example.files, folderOf(example)) }));
const programs = examples.flatMap((example) => commandsOf(example).map(({ label, args }) => ({ name: `${label} of ${example.name}`, folder: example.folder, args })));
afterAll(() => project.remove());

describe("code in the docs", () => {
  it.each(programs)("$name", { timeout: 90_000 }, async ({ folder, args }) => {
    const { exitCode, stdout, stderr } = await runNode(args, folder);
    expect(exitCode, `${stdout}\n${stderr}`).toBe(0);
  });

  it("has something that runs in every example", () => {
    expect(examples.filter((example) => commandsOf(example).length === 0).map(({ name }) => name)).toEqual([]);
  });

  it("fits the types", { timeout: 90_000 }, () => {
    const roots = examples.flatMap(({ files, folder }) => [...files.keys()].filter((file) => file.endsWith(".ts")).map((file) => join(folder, file)));
    expect(roots).not.toEqual([]);
    expect(typeProblems(roots)).toEqual([]);
  });

  it("is called js or ts, so that it is found", () => {
    const others = fences.filter((fence) => !isCode(fence) && /^((java|type|ecma)script|[cm]?[jt]sx?)$/i.test(fence.language));
    expect(others.map(({ place, language }) => `${place} ${language}`)).toEqual([]);
  });

  it("is left out only now and then", () => {
    const leftOut = fences.filter((fence) => fence.notRunBecause !== null);
    expect(leftOut.length, leftOut.map(({ place, notRunBecause }) => `${place}: ${notRunBecause}`).join("\n")).toBeLessThanOrEqual(MOST_NOT_RUN);
  });

  it.each([...RUN_ELSEWHERE])("of %s runs in %s", (document, check) => {
    expect(readDocument(check).text).toContain(document);
  });

  it.each(["jobs.js", "main.js"])("of the first job is that of the example: %s", (file) => {
    const path = join("examples/first-job", file);
    expect(existsSync(join(ROOT, path)), path).toBe(true);
    expect(examples.find(({ name }) => name === "README.md first-job")?.files.get(file)).toBe(readDocument(path).text);
  });
});

function folderOf({ name }: Example): string {
  return name.replaceAll(/[^\w.]+/g, "-");
}

interface Command {
  readonly label: string;
  /** Of Node. */
  readonly args: readonly string[];
}

/** `main` is what Node runs, TypeScript by tsx; what is called a test is run as one. */
function commandsOf({ files }: Example): readonly Command[] {
  const names = [...files.keys()];
  const commands: Command[] = [];
  if (names.includes("main.js")) commands.push({ label: "main.js", args: ["main.js"] });
  if (names.includes("main.ts")) commands.push({ label: "main.ts", args: ["--import", "tsx", "main.ts"] });
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  if (names.some((name) => /\.test\.[jt]s$/.test(name))) commands.push({ label: "the tests", args: [vitest, "run", "--root", "."] });
  return commands;
}

function typeProblems(roots: readonly string[]): readonly string[] {
  const program = ts.createProgram(roots, {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
    skipLibCheck: true,
    noEmit: true,
  });
  return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line + 1;
    return `${relative(project.path, file?.fileName ?? "")}:${line} ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
}
