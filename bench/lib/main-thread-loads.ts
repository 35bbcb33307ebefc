/** What keeps the cores busy while the main thread is watched. */

import type { Engine } from "millrace";
import type { Piscina } from "piscina";
import type { BareWorkers } from "./bare-workers.js";
import { burnJob, echo, small } from "./engine.js";
import { inFlight, inOneGo, oneByOne, pause } from "./produce.js";
import type { Contestant } from "./rounds.js";

/** Enough to keep all threads busy, as a server under load has them. */
const IN_FLIGHT = 64;

export const IDLE = "nothing runs";
export const BARE = "two bare threads burn";
export const PISCINA = "piscina.run(), 1 ms, 64 in flight";
export const PISCINA_AT_ONCE = "piscina.run(), 1 ms, 4,000 in one go";
export const ENGINE = "engine.run(), 1 ms, 64 in flight";
export const BURN_AT_ONCE = "S3: engine.enqueue(), 1 ms, 4,000 in one go";
export const NOOP_AT_ONCE = "S1: engine.enqueue(), no-op, 4,000 in one go";
export const NOOP = "S1: engine.enqueue(), no-op, one by one";

export interface Sizes {
  /** Jobs of 1 ms, or units of as much work. */
  readonly burns: number;
  /** Jobs that are called in one go. */
  readonly atOnce: number;
  /** Jobs that do nothing, one by one. */
  readonly noops: number;
}

export interface Workers {
  readonly bare: BareWorkers;
  readonly piscina: Piscina<unknown, unknown>;
  readonly engine: Engine;
  /** Of 1 ms. */
  readonly steps: number;
}

export function makeLoads({ bare, piscina, engine, steps }: Workers, { burns, atOnce, noops }: Sizes): readonly Contestant[] {
  const callPiscina = (): Promise<unknown> => piscina.run(steps, { name: "burn" });
  const enqueueBurn = (): Promise<unknown> => engine.enqueue(burnJob, steps).then((handle) => handle.result());
  const enqueueEcho = (): Promise<unknown> => engine.enqueue(echo, small()).then((handle) => handle.result());
  return [
    { name: IDLE, run: () => pause(Math.min(burns / 4, 1_000)) },
    { name: BARE, run: () => bare.burn(burns, steps) },
    { name: PISCINA, run: () => inFlight(burns, IN_FLIGHT, callPiscina) },
    { name: ENGINE, run: () => inFlight(burns, IN_FLIGHT, () => engine.run(burnJob, steps)) },
    { name: PISCINA_AT_ONCE, run: () => inOneGo(atOnce, callPiscina) },
    { name: BURN_AT_ONCE, run: () => inOneGo(atOnce, enqueueBurn) },
    { name: NOOP_AT_ONCE, run: () => inOneGo(atOnce, enqueueEcho) },
    { name: NOOP, run: () => oneByOne(noops, enqueueEcho) },
  ];
}
