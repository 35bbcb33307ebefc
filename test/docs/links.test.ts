/** Links from one page to another, to a heading and to a file lead somewhere. */

import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { anchorsOf, type Document, linksOf, readDocument, readDocuments, ROOT } from "./markdown.js";

const documents = readDocuments();

/** Why a link leads nowhere, or nothing. */
function problemOf(link: string, from: Document): string | undefined {
  const [target = "", anchor] = link.split("#", 2);
  const path = target === "" ? from.path : relative(ROOT, join(ROOT, dirname(from.path), target));
  if (path.startsWith("..")) return "leaves the repository";
  if (!existsSync(join(ROOT, path))) return `${path} does not exist`;
  if (anchor !== undefined && !anchorsOf(readDocument(path)).has(anchor)) return `${path} has no heading #${anchor}`;
  return undefined;
}

describe("links in the docs", () => {
  it.each(documents.map((document) => ({ name: document.path, document })))("of $name lead somewhere", ({ document }) => {
    const inside = linksOf(document).filter((link) => !/^(https?|mailto):/.test(link));
    const problems = inside.map((link) => [link, problemOf(link, document)] as const).filter(([, problem]) => problem !== undefined);
    expect(problems).toEqual([]);
  });

  it("outside are https", () => {
    const outside = documents.flatMap(linksOf).filter((link) => link.includes(":"));
    expect(outside.filter((link) => !link.startsWith("https://"))).toEqual([]);
  });

  it("reach every page from README.md", () => {
    const reached = new Set(["README.md"]);
    for (const path of reached) {
      if (!path.endsWith(".md")) continue;
      const links = linksOf(readDocument(path)).filter((link) => !link.includes(":") && !link.startsWith("#"));
      for (const link of links) reached.add(relative(ROOT, join(ROOT, dirname(path), link.split("#")[0] ?? "")));
    }
    expect(documents.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
  });
});
