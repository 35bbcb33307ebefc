/** Looks at images of stores, one after the other, and prints a line before each and after each. Usage: check.ts <list> <first> */

import { readFileSync } from "node:fs";
import { violationsOf } from "./image.js";
import type { Image } from "./images.js";

const [, , list = "", first] = process.argv;
const images = JSON.parse(readFileSync(list, "utf8")) as readonly Image[];
for (const { path, promised } of images.slice(Number(first))) {
  console.log("begin");
  const violations = await violationsOf(path, promised).catch((error: unknown) => [`it fails: ${String(error)}`]);
  console.log(JSON.stringify(violations));
}
// What an image left open must not keep the process.
process.exit(0);
