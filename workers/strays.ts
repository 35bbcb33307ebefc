/**
 * What happens in a thread outside of every run: errors that nobody catches, and the end of the thread. They are told to the main
 * side with the run whose code it was, instead of ending the thread and all that runs on it.
 */

import type { FromThread } from "../src/protocol/messages.js";
import { toWireError } from "../src/protocol/wire-error.js";
import { currentRun } from "./current-run.js";

/** The first one is why the thread is replaced; a timer that throws over and over must not flood the main thread until then. */
const MOST_ERRORS = 100;

export function tellStrays(post: (message: FromThread) => void): void {
  let told = 0;
  const tell = (thrown: unknown): void => {
    told += 1;
    if (told <= MOST_ERRORS) post({ kind: "stray-error", run: currentRun.get(), error: toWireError(thrown) });
  };
  process.on("uncaughtException", tell);
  process.on("unhandledRejection", tell);
  const exit = process.exit.bind(process);
  process.exit = (code) => {
    post({ kind: "exiting", run: currentRun.get(), code: Number(code ?? process.exitCode ?? 0) });
    return exit(code);
  };
}
