/** What a thread may call on the main side: rare request and reply, over Comlink. The only file that imports it. */

import type { MessagePort } from "node:worker_threads";
import { expose, wrap } from "comlink";
import { EngineStoppedError, MaxDepthError, QueueFullError, StorageError } from "../errors.js";
import type { JobRequest } from "../job/job-request.js";
import { fromWireError, toWireError, type WireError } from "./wire-error.js";

/** Flat and of plain functions only: Comlink lets the peer call whatever path it can reach. */
export interface HostApi {
  enqueue(request: JobRequest): Promise<Stored>;
}

interface Stored {
  readonly id: string;
  readonly duplicate: boolean;
}

/** Errors are told as data: of one that is thrown, Comlink keeps no more than the message. */
interface WireHostApi {
  enqueue(request: JobRequest): Promise<{ readonly stored: Stored } | { readonly error: WireError }>;
}

/** Serves `api` to the thread at the other end of `port`. */
export function serveHostApi(port: MessagePort, api: HostApi): void {
  const wire: WireHostApi = {
    enqueue: async (request) => {
      try {
        return { stored: await api.enqueue(request) };
      } catch (error) {
        return { error: toWireError(error) };
      }
    },
  };
  // Without a prototype, so that nothing of Object's can be reached through it.
  const bare = Object.assign(Object.create(null) as object, wire);
  expose(Object.freeze(bare), port);
}

/**
 * The api as seen from a thread. Keep the result in a long-lived variable: Comlink drops calls of a collected proxy. Its type is
 * not Comlink's `Remote`: that would reach our users' compilers, and it needs the types of a browser.
 */
export function connectHostApi(port: MessagePort): HostApi {
  const wire: WireHostApi = wrap<WireHostApi>(port);
  return {
    enqueue: async (request) => {
      const answer = await wire.enqueue(request);
      if ("error" in answer) throw toHostError(answer.error);
      return answer.stored;
    },
  };
}

const HOST_ERRORS: ReadonlyMap<string | number | null, { readonly prototype: Error }> = new Map(
  Object.entries({
    MILLRACE_QUEUE_FULL: QueueFullError,
    MILLRACE_MAX_DEPTH: MaxDepthError,
    MILLRACE_ENGINE_STOPPED: EngineStoppedError,
    MILLRACE_STORAGE: StorageError,
  }),
);

/** As what it was thrown. Its own properties have crossed, so that nothing is missing but the class. */
function toHostError(wire: WireError): Error {
  const error = fromWireError(wire);
  const known = HOST_ERRORS.get(wire.code);
  return known === undefined ? error : (Object.setPrototypeOf(error, known.prototype) as Error);
}
