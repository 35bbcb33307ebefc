/** Which versions of the peers were measured: a figure belongs to a version. */

import { readFileSync } from "node:fs";
import type { Machine } from "../../lib/machine.js";

const HERE = new URL("../", import.meta.url);

export function withPeers(machine: Machine): Machine {
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(new URL("package.json", HERE), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
    readonly optionalDependencies: Readonly<Record<string, string>>;
  };
  const { millrace = "?" } = machine.packages;
  // They are exact, and npm ci has installed these and no others.
  return { ...machine, packages: { millrace, ...dependencies, ...optionalDependencies } };
}
