/** The end of a worker thread that no longer listens. */

import type { Worker } from "node:worker_threads";
import { settledWithin, type WaitLimit } from "../waiting.js";

const FIRST_PAUSE_MS = 25;

/**
 * True when the thread has ended within the limit; else native code holds it, and it ends once that is done.
 *
 * On Node 20 and 22 a thread may overhear that it is to end: a hook for promises, which `AsyncLocalStorage` installs, swallows
 * it. That is likelier after its stack was read. So it is told again, less and less often.
 */
export async function killWorker(worker: Worker, { ms, clock }: WaitLimit): Promise<boolean> {
  const lastAt = clock.monotonic() + ms;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
    const leftMs = lastAt - clock.monotonic();
    if (leftMs <= 0) return false;
    if (await settledWithin(worker.terminate(), { ms: Math.min(pauseMs, leftMs), clock })) return true;
  }
}
