/** What is found in a store after a loss of power, held against what was promised. */

import type { JobRow, NewJob } from "../../../src/job/job-record.js";
import { sqliteStorage } from "millrace/sqlite";
import { type Database, openDatabase } from "../../../src/storage/sqlite/driver.js";
import { ending, newJob, NOW } from "../../../src/testing/storage-suite/sample-jobs.js";
import type { Storage } from "../../../src/storage/storage.js";
import type { Promised } from "./ledger.js";

const PAGE = 1_000;

export async function violationsOf(path: string, promised: Readonly<Record<string, Promised>>): Promise<readonly string[]> {
  const storage = sqliteStorage({ path, minFreeSpace: 0 });
  await storage.open();
  const rows = await allRows(storage);
  const violations = [...broken(rows, promised), ...strangers(rows, promised), ...(await stuck(storage))];
  await storage.close();
  return [...violations, ...unsound(path)];
}

async function allRows(storage: Storage): Promise<ReadonlyMap<string, JobRow>> {
  const rows = new Map<string, JobRow>();
  for (let after: string | null | undefined; after !== null; ) {
    const { jobs, next } = await storage.list({ limit: PAGE, now: NOW, ...(after === undefined ? {} : { after }) });
    for (const row of jobs) rows.set(row.id, row);
    after = next;
  }
  return rows;
}

function broken(rows: ReadonlyMap<string, JobRow>, promised: Readonly<Record<string, Promised>>): readonly string[] {
  return Object.entries(promised).flatMap(([id, { fence, end, gone }]) => {
    const row = rows.get(id);
    if (row === undefined) return gone === "no" ? [`job ${id} is lost`] : [];
    if (gone === "yes") return [`job ${id} is back`];
    const violations: string[] = [];
    if (row.fence < fence) violations.push(`job ${id} was handed out under fence ${fence} and would be again: it has ${row.fence}`);
    if (end !== null && row.state !== end) violations.push(`job ${id} was ${end}, and is ${row.state}`);
    return violations;
  });
}

/** Nobody was told of them; but what is there must be there as a whole. */
function strangers(rows: ReadonlyMap<string, JobRow>, promised: Readonly<Record<string, Promised>>): readonly string[] {
  return [...rows.values()].flatMap(({ id, payload, state, result }) => {
    const [batch, , size, length] = id.split(".");
    const violations: string[] = [];
    if (!Buffer.alloc(Number(length), id).equals(payload)) violations.push(`job ${id} has another payload`);
    if (state === "completed" && Buffer.from(result ?? []).toString() !== `result of ${id}`) violations.push(`job ${id} has another result`);
    if (promised[id] === undefined) {
      const together = [...rows.keys()].filter((other) => other.startsWith(`${batch}.`)).length;
      if (together !== Number(size)) violations.push(`of the ${size} jobs of batch ${batch} there are ${together}`);
    }
    return violations;
  });
}

/** It must go on: what was running is given back, and a new job goes all its way. */
async function stuck(storage: Storage): Promise<readonly string[]> {
  await storage.own("next runner");
  await storage.reclaim({ runner: "next runner", queue: null, keep: [], now: NOW });
  const job: NewJob = newJob({ queue: "afterwards" });
  await storage.enqueue([job], NOW);
  const claimed = await storage.claim({ queue: "afterwards", names: [job.name], limit: 1, runner: "next runner", now: NOW });
  const applied = await storage.complete(claimed.map((each) => ending(each)));
  return applied.length === 1 && applied[0] === true ? [] : ["a new job cannot be run"];
}

const COUNTED = "SELECT queue, name, state, count(*) AS count FROM jobs GROUP BY queue, name, state ORDER BY queue, name, state";
const COUNTS = "SELECT queue, name, state, count FROM counts WHERE count <> 0 ORDER BY queue, name, state";
const OCCUPIED = "SELECT t.queue, (SELECT coalesce(sum(bytes), 0) FROM jobs j WHERE j.queue = t.queue AND finished_at IS NOT NULL) AS bytes FROM totals t ORDER BY t.queue";
const BYTES = "SELECT queue, finished_bytes AS bytes FROM totals ORDER BY queue";

function unsound(path: string): readonly string[] {
  const database = openDatabase(path);
  try {
    const check = JSON.stringify(database.prepare("PRAGMA integrity_check").all());
    const violations = check === '[{"integrity_check":"ok"}]' ? [] : [`integrity_check: ${check}`];
    for (const [counted, kept] of [[COUNTED, COUNTS], [OCCUPIED, BYTES]] as const) violations.push(...differences(database, counted, kept));
    return violations;
  } finally {
    database.close();
  }
}

function differences(database: Database, counted: string, kept: string): readonly string[] {
  const [should, is] = [counted, kept].map((sql) => JSON.stringify(database.prepare(sql).all()));
  return should === is ? [] : [`counted ${should}, but kept is ${is}`];
}
