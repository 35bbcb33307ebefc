/** The documents of the project, and what is in them that can be checked: code fences, headings and links. */

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

export const ROOT: string = join(import.meta.dirname, "../..");

export interface Document {
  /** From the top of the repository. */
  readonly path: string;
  readonly text: string;
}

export function readDocument(path: string): Document {
  return { path, text: readFileSync(join(ROOT, path), "utf8") };
}

/** Every Markdown file that users read. */
export function readDocuments(): readonly Document[] {
  const inDocs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" });
  const paths = inDocs.filter((name) => name.endsWith(".md")).map((name) => relative(ROOT, join(ROOT, "docs", name)));
  return ["README.md", "CHANGELOG.md", ...paths.sort()].map(readDocument);
}

/**
 * A fence of code. Its info string may say `file=name.js`, which file of an example it is (default `main.js` or `main.ts`), and
 * `group=name`, which fences of the document make up one example (default: it stands alone).
 */
export interface Fence {
  /** `README.md:12`. */
  readonly place: string;
  readonly language: string;
  readonly file: string;
  readonly group: string;
  /** The reason in the HTML comment above a `no-run` fence; `null` if it is to run. */
  readonly notRunBecause: string | null;
  readonly code: string;
}

const FENCE = /(?:<!-- no-run: (?<reason>.+?) -->\n+)?^```(?<info>[^\n`]+)\n(?<code>[\s\S]*?)^```$/gm;

export function fencesOf({ path, text }: Document): readonly Fence[] {
  return [...text.matchAll(FENCE)].map((match) => {
    const { reason, info = "", code = "" } = match.groups ?? {};
    const line = text.slice(0, match.index + match[0].indexOf("```")).split("\n").length;
    const place = `${path}:${line}`;
    const [language = "", ...words] = info.trim().split(/\s+/);
    const options = new Map(words.map((word) => word.split("=", 2) as [string, string | undefined]));
    for (const [key] of options) {
      if (!["file", "group", "no-run"].includes(key)) throw new Error(`${place}: a fence has no option ${key}`);
    }
    if (options.has("no-run") && reason === undefined) throw new Error(`${place}: say why above it: <!-- no-run: reason -->`);
    return {
      ...{ place, language, code },
      file: options.get("file") ?? `main.${language}`,
      group: options.get("group") ?? place,
      notRunBecause: options.has("no-run") ? (reason ?? "") : null,
    };
  });
}

/** The files of one example: fences of one group and file are joined in order. */
export interface Example {
  readonly name: string;
  readonly files: ReadonlyMap<string, string>;
}

const CODE_LANGUAGES = new Set(["js", "ts"]);

export function isCode({ language }: Fence): boolean {
  return CODE_LANGUAGES.has(language);
}

export function examplesOf(document: Document): readonly Example[] {
  const groups = new Map<string, Map<string, string>>();
  for (const fence of fencesOf(document)) {
    if (!isCode(fence) || fence.notRunBecause !== null) continue;
    const files = groups.get(fence.group) ?? new Map<string, string>();
    groups.set(fence.group, files);
    files.set(fence.file, (files.get(fence.file) ?? "") + fence.code);
  }
  return [...groups].map(([group, files]) => ({ name: group.startsWith(document.path) ? group : `${document.path} ${group}`, files }));
}

/** What a heading is called in a link, as GitHub does it. */
export function anchorsOf({ text }: Document): ReadonlySet<string> {
  const headings = withoutCode(text).matchAll(/^#{1,6} (.+)$/gm);
  return new Set([...headings].map(([, heading = ""]) => anchor(heading)));
}

function anchor(heading: string): string {
  const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").trim().toLowerCase();
  return words.replaceAll(/[^\p{L}\p{N}\- _]/gu, "").replaceAll(" ", "-");
}

export function linksOf({ text }: Document): readonly string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, "").replaceAll(/`[^`\n]+`/g, (code) => code.replaceAll(/[[\]()]/g, ""));
}
