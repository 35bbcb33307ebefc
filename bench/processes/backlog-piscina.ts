/** Calls of a raw Piscina that wait behind one that does not end, and what they take. In a process of its own: `bench/macro/backlog.ts` starts it. */

import { answer, childInput } from "../lib/child.js";
import { settledMemory } from "../lib/memory.js";
import { openPiscina } from "../lib/piscina.js";
import { nextTurn } from "../lib/produce.js";

export interface PiscinaBacklogAnswer {
  readonly heapBytesPerJob: number;
  readonly rssBytesPerJob: number;
}

const YIELD_EVERY = 1_000;
const STEPS_WITHOUT_END = 1e15;

const waiting = childInput() as number;
const piscina = openPiscina(1);
piscina.run(STEPS_WITHOUT_END, { name: "burn" }).catch(() => undefined);
const before = await settledMemory();
for (let index = 0; index < waiting; index += 1) {
  // Nobody keeps what is returned, as with the engine. In the end they all fail, because the pool is destroyed.
  piscina.run({ a: index, b: "x" }, { name: "echo" }).catch(() => undefined);
  if (index % YIELD_EVERY === 0) await nextTurn();
}
const after = await settledMemory();
const result: PiscinaBacklogAnswer = { heapBytesPerJob: (after.heap - before.heap) / waiting, rssBytesPerJob: (after.rss - before.rss) / waiting };
await piscina.destroy();
answer(result);
