/** Running commands, and saying what was checked. */

import { execFile } from "node:child_process";

/** @returns what the command prints @throws an error with all the output if it fails */
export function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, maxBuffer: 64 * 2 ** 20 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${[command, ...args].join(" ")}\n${stdout}${stderr}`, { cause: error }));
    });
  });
}

export function node(args: readonly string[], cwd: string): Promise<string> {
  return run(process.execPath, args, cwd);
}

export function passed(what: string): void {
  console.log(`✓ ${what}`);
}
