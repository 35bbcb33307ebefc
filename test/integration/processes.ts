/** Processes of their own, to see how they end. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Ended {
  readonly code: number;
  /** What it printed, by line. */
  readonly lines: readonly string[];
  readonly errors: string;
}

/** Runs Node on a script in test/fixtures/processes. One that does not end by itself is killed and has the code -1. */
export function runProcess(script: string, args: readonly string[] = [], nodeArgs: readonly string[] = []): Promise<Ended> {
  const file = fileURLToPath(new URL(`../fixtures/processes/${script}`, import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [...nodeArgs, file, ...args], { timeout: 25_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, lines: stdout.split("\n").filter((line) => line !== ""), errors: stderr });
    });
  });
}
