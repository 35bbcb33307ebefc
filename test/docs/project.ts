/** A project of a user, in a folder of its own, that has this package and its test tools installed. */

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./markdown.js";

export interface Project {
  readonly path: string;
  write(files: ReadonlyMap<string, string>, folder?: string): string;
  remove(): void;
}

const INSTALLED = ["@types", "tsx", "typescript", "vitest", "zod"];

export function newProject(): Project {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "millrace-docs-")));
  const modules = join(path, "node_modules");
  mkdirSync(modules);
  symlinkSync(ROOT, join(modules, "millrace"));
  for (const name of INSTALLED) symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  writeFileSync(join(path, "package.json"), JSON.stringify({ private: true, type: "module" }));
  return {
    path,
    write: (files, folder = ".") => {
      const target = join(path, folder);
      mkdirSync(target, { recursive: true });
      for (const [name, code] of files) writeFileSync(join(target, name), code);
      return target;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

export interface ProcessEnd {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const LONGEST_RUN_MS = 60_000;

/** Runs Node. An `exitCode` of -1: it was killed. */
export function runNode(args: readonly string[], cwd: string): Promise<ProcessEnd> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd, timeout: LONGEST_RUN_MS, env: plainEnv() }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ exitCode, stdout, stderr });
    });
  });
}

/** Without what the test runner puts there for its own processes. */
function plainEnv(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(VITEST|VITE_|NODE_OPTIONS|NODE_ENV|TEST$)/.test(name));
  return Object.fromEntries(own);
}
