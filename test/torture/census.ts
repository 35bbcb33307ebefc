/** What a process holds: threads, file descriptors, and what keeps it alive. */

import { readdirSync, readlinkSync } from "node:fs";

/** How many of each. Threads and file descriptors are counted on Linux only. */
export type Census = ReadonlyMap<string, number>;

export function takeCensus(): Census {
  const census = new Map<string, number>();
  for (const resource of process.getActiveResourcesInfo()) census.set(resource, (census.get(resource) ?? 0) + 1);
  if (process.platform === "linux") {
    census.set("threads", readdirSync("/proc/self/task").length);
    // The folder itself is open while it is read, each time.
    for (const fd of readdirSync("/proc/self/fd")) {
      const what = `file descriptors (${targetOf(fd)})`;
      census.set(what, (census.get(what) ?? 0) + 1);
    }
  }
  return census;
}

/** What it refers to, without what differs from one to the next. */
function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).replace(/:\[\d+\]$/, "");
  } catch {
    return "closed meanwhile";
  }
}

/** What is there now and was not before. */
function grownSince(before: Census): readonly string[] {
  const grown = [...takeCensus()].filter(([what, count]) => count > (before.get(what) ?? 0));
  return grown.map(([what, count]) => `${what}: ${before.get(what) ?? 0} before, ${count} after`);
}

/** The operating system takes its time to end a thread. */
export async function grownFor(before: Census, ms: number): Promise<readonly string[]> {
  const end = performance.now() + ms;
  let grown = grownSince(before);
  while (grown.length > 0 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    grown = grownSince(before);
  }
  return grown;
}
