/** Contestants in turns: ratios of neighbours in time hold where absolute numbers do not. */

import { type Cost, measure } from "./measure.js";

export interface Contestant {
  readonly name: string;
  readonly run: () => Promise<unknown>;
}

/** @returns what each cost in each round, by name */
export async function inTurns(contestants: readonly Contestant[], rounds: number): Promise<ReadonlyMap<string, readonly Cost[]>> {
  const costs = new Map(contestants.map(({ name }) => [name, [] as Cost[]]));
  // One round for the compiler.
  for (const { run } of contestants) await run();
  for (let round = 0; round < rounds; round += 1) {
    // Forwards and backwards, so that nobody is always the one who comes after the heaviest.
    for (const { name, run } of round % 2 === 0 ? contestants : contestants.toReversed()) {
      // Nobody pays for the garbage of others.
      collectGarbage();
      costs.get(name)?.push(await measure(run));
    }
  }
  return costs;
}

/** Does something only with --expose-gc, which each benchmark's own process has. */
export function collectGarbage(): void {
  globalThis.gc?.();
}

/** Jobs a second, by round. */
export function rates(costs: readonly Cost[] | undefined, jobs: number): readonly number[] {
  return (costs ?? []).map(({ seconds }) => jobs / seconds);
}

export function values(costs: readonly Cost[] | undefined, key: keyof Cost): readonly number[] {
  return (costs ?? []).map((cost) => cost[key]);
}
