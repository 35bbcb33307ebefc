import type { JobId, JobRow } from "../../job/job-record.js";
import type { ListQuery } from "../storage.js";
import type { Database, TupleStatement } from "./driver.js";
import { JOB_COLUMNS, toJobRow } from "./row.js";

/** Reads jobs, and changes nothing. */
export class Reader {
  readonly #byId: TupleStatement;
  readonly #list: TupleStatement;

  constructor(database: Database) {
    this.#byId = database.prepareTuples(`SELECT ${JOB_COLUMNS} FROM jobs WHERE id = ?`);
    this.#list = database.prepareTuples(
      `SELECT ${JOB_COLUMNS} FROM jobs WHERE id > ? AND state = coalesce(?, state) AND queue = coalesce(?, queue) AND name = coalesce(?, name) ORDER BY id LIMIT ?`,
    );
  }

  get(ids: readonly JobId[]): (JobRow | undefined)[] {
    return ids.map((id) => {
      const tuple = this.#byId.get(id);
      return tuple === undefined ? undefined : toJobRow(tuple);
    });
  }

  list({ after, state, queue, name, limit }: ListQuery): { readonly jobs: readonly JobRow[]; readonly next: JobId | null } {
    // One more than asked for tells whether there is a next page.
    const found = this.#list.all(after ?? "", state ?? null, queue ?? null, name ?? null, limit + 1);
    const jobs = found.slice(0, limit).map(toJobRow);
    return { jobs, next: found.length > limit ? (jobs.at(-1)?.id ?? null) : null };
  }
}
