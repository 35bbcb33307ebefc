/** Turns whatever kept a thread from getting ready, or from staying so, into an error a user can act on. */

import { JobsModuleError } from "../errors.js";

export interface BootPlace {
  /** The jobs module, as users know it. */
  readonly file: string;
  readonly queue: string;
}

export function bootError({ file, queue }: BootPlace, cause: unknown): JobsModuleError {
  const message = `no thread of queue "${queue}" can run ${file}: ${reasonOf(cause)}${advice(cause)}`;
  return new JobsModuleError(message, { file, cause });
}

/** Its threads do get ready, but end over and over, for no job's fault. */
export function unstableError({ file, queue }: BootPlace, cause: unknown): JobsModuleError {
  return new JobsModuleError(`threads of queue "${queue}" keep ending: ${reasonOf(cause)} (${file})`, { file, cause });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function advice(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ERR_UNKNOWN_FILE_EXTENSION") {
    return (
      `. Node ${process.versions.node} cannot load TypeScript by itself: start the process with tsx, give the engine ` +
      `execArgv: ["--import", "tsx"], use Node 22.18 or newer, or build the file to JavaScript and name that`
    );
  }
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX" || code === "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING") {
    return `. Node strips types but does not compile TypeScript: run with tsx, or build the file to JavaScript and name that`;
  }
  return "";
}
