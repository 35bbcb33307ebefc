/** Whether what a storage counts is what it holds, and what has happened to it. A store may count beside the jobs, and drift. */

import type { JobRow } from "../../src/job/job-record.js";
import type { QueueTotals, StorageCounts } from "../../src/storage/storage.js";
import type { Ledger } from "./ledger.js";

export function checkCounts(ledger: Ledger, rows: readonly JobRow[], { jobs, totals }: StorageCounts): void {
  const counted = new Map(jobs.map(({ queue, name, state, count }) => [`${state} jobs ${name} in ${queue}`, count]));
  const there = new Map<string, number>();
  for (const { queue, name, state } of rows) add(there, `${state} jobs ${name} in ${queue}`);
  compare(ledger, there, counted);
  const happened = new Map<string, number>();
  for (const { job, endings } of ledger.jobs.values()) {
    add(happened, `jobs ever enqueued in ${job.queue}`);
    for (const ending of endings) add(happened, `jobs ever ${ending} in ${job.queue}`);
  }
  const EVENTS: readonly (keyof QueueTotals)[] = ["enqueued", "completed", "dead", "cancelled"];
  const noted = Object.entries(totals).flatMap(([queue, of]) => EVENTS.map((event): [string, number] => [`jobs ever ${event} in ${queue}`, of[event]]));
  compare(ledger, happened, new Map(noted));
}

function add(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

function compare(ledger: Ledger, real: ReadonlyMap<string, number>, told: ReadonlyMap<string, number>): void {
  for (const what of new Set([...real.keys(), ...told.keys()])) {
    const [is, says] = [real.get(what) ?? 0, told.get(what) ?? 0];
    if (is !== says) ledger.violate(6, `the storage counts ${says} ${what}, but there are ${is}`);
  }
}
