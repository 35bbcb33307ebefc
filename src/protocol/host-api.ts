/** What a thread may call on the main side: rare request and reply, over Comlink. The only file that imports it. */

import type { MessagePort } from "node:worker_threads";
import { expose, wrap } from "comlink";
import type { JobRequest } from "../job/job-request.js";

/** Flat and of plain functions only: Comlink lets the peer call whatever path it can reach. */
export interface HostApi {
  enqueue(request: JobRequest): Promise<{ readonly id: string; readonly duplicate: boolean }>;
}

/** Serves `api` to the thread at the other end of `port`. */
export function serveHostApi(port: MessagePort, api: HostApi): void {
  // Without a prototype, so that nothing of Object's can be reached through it.
  const bare = Object.assign(Object.create(null) as object, api);
  expose(Object.freeze(bare), port);
}

/**
 * The api as seen from a thread. Keep the result in a long-lived variable: Comlink drops calls of a collected proxy. Its type is
 * not Comlink's `Remote`: that would reach our users' compilers, and it needs the types of a browser.
 */
export function connectHostApi(port: MessagePort): HostApi {
  return wrap<HostApi>(port);
}
