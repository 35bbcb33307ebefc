// Which files are minified: always the same ones in the same order.

import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";

// Smaller files are mostly one-line re-exports; larger ones would make the end of the run depend on a single file.
const SMALLEST = 1_000;
const LARGEST = 200_000;

// All JavaScript under a folder, sorted by path. What is minified already, by its name, is left out.
export async function chooseFiles(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && /\.[cm]?js$/.test(entry.name) && !/[.-]min\./.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  const files = await Promise.all(paths.map(async (path) => ({ path, name: relative(folder, path), bytes: (await stat(path)).size })));
  return files
    .filter(({ bytes }) => bytes >= SMALLEST && bytes <= LARGEST)
    // By code unit, because a locale's order differs between machines.
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
