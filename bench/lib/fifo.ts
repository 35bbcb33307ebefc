/** What an ideal pool would do with the same work: one queue, first come first served, and no time lost between jobs. */

export interface Arrival {
  readonly atMs: number;
  readonly runMs: number;
}

/** @returns how long each waits for a server, in the order of arrival */
export function idealWaits(arrivals: readonly Arrival[], servers: number): readonly number[] {
  const freeAt = Array.from({ length: servers }, () => -Infinity);
  return arrivals.map(({ atMs, runMs }) => {
    const server = freeAt.indexOf(Math.min(...freeAt));
    const startAt = Math.max(atMs, freeAt[server] ?? 0);
    freeAt[server] = startAt + runMs;
    return startAt - atMs;
  });
}
