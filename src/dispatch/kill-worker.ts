/** The end of a worker thread that may not listen. */

import type { Worker } from "node:worker_threads";
import type { Clock, Timer } from "../clock.js";

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 1_000;
/** Some thirty tries in the first quarter of a second; each later pause is a twentieth of the time gone by. */
const PAUSE_GROWTH = 1.05;

/**
 * Ends a thread, unless native code holds it: then it ends once that is done.
 *
 * On Node 20 and 22 a thread may overhear that it is to end: a hook for promises, which `AsyncLocalStorage` installs, swallows
 * it. In a loop of microtasks that is likelier than not. So it is told again and again until it has exited.
 */
export function killWorker(worker: Worker, clock: Clock): void {
  // Each call waits for the exit with a listener of its own.
  worker.setMaxListeners(0);
  let pauseMs = FIRST_PAUSE_MS;
  let timer: Timer | undefined;
  worker.once("exit", () => timer?.cancel());
  const tell = (): void => {
    void worker.terminate();
    // Each call makes it keep the process alive, which native code might do for ever.
    worker.unref();
    timer = clock.setTimer(pauseMs, tell);
    pauseMs = Math.min(pauseMs * PAUSE_GROWTH, LONGEST_PAUSE_MS);
  };
  tell();
}
