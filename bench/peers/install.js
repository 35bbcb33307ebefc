// Installs what the benchmark of peers needs, if that is not there yet or is not what the lockfile says.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = new URL("./", import.meta.url);
const wanted = readFileSync(new URL("package-lock.json", folder), "utf8");
const stamp = new URL("node_modules/.installed-from.json", folder);

if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
  console.log("Installing the peers, once. It takes a minute or two where SQLite has to be built.");
  console.log("Some ask for a newer Node than this, and run on it all the same.");
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: fileURLToPath(folder),
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(stamp, wanted);
}
