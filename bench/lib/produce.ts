/** Ways of giving work to somebody. All give back every result. */

/** How many calls a producer makes before it lets others have the main thread. */
const YIELD_EVERY = 1_000;

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** One call after the other, without waiting for what they answer. */
export async function oneByOne<Result>(jobs: number, run: (index: number) => Promise<Result>): Promise<readonly Result[]> {
  const results: Promise<Result>[] = [];
  for (let index = 0; index < jobs; index += 1) {
    results.push(run(index));
    if (index % YIELD_EVERY === YIELD_EVERY - 1) await nextTurn();
  }
  return Promise.all(results);
}

/** All calls in one go, as a careless handler of a request makes them. */
export function inOneGo<Result>(jobs: number, run: (index: number) => Promise<Result>): Promise<readonly Result[]> {
  return Promise.all(Array.from({ length: jobs }, (_, index) => run(index)));
}

/** So many calls under way all the time; `Infinity` is `oneByOne`. */
export async function inFlight<Result>(jobs: number, limit: number, run: (index: number) => Promise<Result>): Promise<readonly Result[]> {
  if (limit >= jobs) return oneByOne(jobs, run);
  const results: Result[] = [];
  let next = 0;
  async function keepOneInFlight(): Promise<void> {
    while (next < jobs) results.push(await run(next++));
  }
  await Promise.all(Array.from({ length: limit }, keepOneInFlight));
  return results;
}
