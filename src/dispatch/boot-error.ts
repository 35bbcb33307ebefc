/** Turns whatever kept a thread from getting ready into an error a user can act on. */

import { JobsModuleError } from "../errors.js";

/** @param file the jobs module, as users know it */
export function bootError({ file, queue }: { readonly file: string; readonly queue: string }, cause: unknown): JobsModuleError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `no thread of queue "${queue}" can run ${file}: ${reason}${advice(cause)}`;
  return new JobsModuleError(message, { file, cause });
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
