import type { PoolListener } from "../src/dispatch/pool.js";

/** The same listener but for some of its calls. */
export function listenerWith(listener: PoolListener, changed: Partial<PoolListener>): PoolListener {
  return {
    ready: (lane) => listener.ready(lane),
    answered: (lane, answer) => listener.answered(lane, answer),
    progressed: (lane, step) => listener.progressed(lane, step),
    logged: (lane, id, line) => listener.logged(lane, id, line),
    strayed: (lane, stray) => listener.strayed(lane, stray),
    heapHigh: (lane) => listener.heapHigh(lane),
    gone: (lane, death) => listener.gone(lane, death),
    leaked: (thread) => listener.leaked(thread),
    bootFailed: (error) => listener.bootFailed(error),
    ...changed,
  };
}
