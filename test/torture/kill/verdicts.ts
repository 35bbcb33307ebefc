/** What must hold when all is over, whatever was killed. */

import { openDatabase } from "../../../dist/src/storage/sqlite/driver.js";
import type { Ledger } from "./ledger.js";

const MOST_SHOWN = 5;

export interface Verdict {
  /** Jobs that were given up because of them. */
  readonly crashLoops: number;
  readonly violations: readonly string[];
}

export function judge(path: string, ledger: Ledger): Verdict {
  const database = openDatabase(path);
  try {
    const rows = new Map(database.prepare("SELECT id, state FROM jobs").all().map((row) => [String(row["id"]), String(row["state"])]));
    const ids = [...ledger.enqueued];
    const looped = new Set(database.prepare("SELECT id FROM jobs WHERE state = 'dead' AND json_extract(failure, '$.reason') = 'crash_loop'").all().map((row) => String(row["id"])));
    const unfinished = [...rows].filter(([id, state]) => state !== "completed" && !looped.has(id)).map(([id, state]) => `${id} (${state})`);
    const counted = database.prepare("SELECT queue, name, state, count FROM counts WHERE count <> 0 ORDER BY queue, name, state").all();
    const real = database.prepare("SELECT queue, name, state, count(*) AS count FROM jobs GROUP BY queue, name, state ORDER BY queue, name, state").all();
    const integrity = String(database.prepare("PRAGMA integrity_check").get()?.["integrity_check"]);
    const violations = [
      ...listed("acknowledged, and lost", ids.filter((id) => !rows.has(id))),
      ...listed("acknowledged, and never run", ids.filter((id) => !ledger.effects.has(id))),
      ...listed("completed, and not so in the file", [...ledger.done].filter((id) => rows.get(id) !== "completed")),
      ...listed("run again after its end was acknowledged", [...ledger.again]),
      ...listed("not completed in the end", unfinished),
      ...(JSON.stringify(counted) === JSON.stringify(real) ? [] : ["the counts are wrong"]),
      ...(integrity === "ok" ? [] : [`integrity check: ${integrity}`]),
    ];
    return { crashLoops: looped.size, violations };
  } finally {
    database.close();
  }
}

function listed(what: string, ids: readonly string[]): readonly string[] {
  return ids.length === 0 ? [] : [`${ids.length} ${what}: ${ids.slice(0, MOST_SHOWN).join(", ")}`];
}
