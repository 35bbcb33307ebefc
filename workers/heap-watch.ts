/** Tells when a thread's heap stays too full: what garbage collections leave of it is more than it may hold. */

import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";

/** One collection may come while a run holds much; the next one tells whether it stays. */
const COLLECTIONS = 2;

/** @param limit in bytes */
export function watchHeap(limit: number, onHigh: () => void): void {
  let high = 0;
  const observer = new PerformanceObserver((list) => {
    if (!list.getEntries().some(isFullCollection)) return;
    high = heapUsed() > limit ? high + 1 : 0;
    if (high < COLLECTIONS) return;
    observer.disconnect();
    onHigh();
  });
  observer.observe({ entryTypes: ["gc"] });
}

function isFullCollection(entry: PerformanceEntry): boolean {
  const { detail } = entry as { readonly detail?: { readonly kind?: number } };
  return detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}

/** In bytes. */
export function heapUsed(): number {
  return getHeapStatistics().used_heap_size;
}
