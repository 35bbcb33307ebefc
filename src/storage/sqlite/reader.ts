import type { JobId, JobRow } from "../../job/job-record.js";
import type { ListQuery } from "../storage.js";
import type { Database, Statement } from "./driver.js";
import { toJobRow } from "./row.js";

/** Reads jobs, and changes nothing. */
export class Reader {
  readonly #byId: Statement;
  readonly #list: Statement;

  constructor(database: Database) {
    this.#byId = database.prepare("SELECT * FROM jobs WHERE id = ?");
    this.#list = database.prepare(
      "SELECT * FROM jobs WHERE id > ? AND state = coalesce(?, state) AND queue = coalesce(?, queue) AND name = coalesce(?, name) ORDER BY id LIMIT ?",
    );
  }

  get(ids: readonly JobId[]): (JobRow | undefined)[] {
    return ids.map((id) => {
      const row = this.#byId.get(id);
      return row === undefined ? undefined : toJobRow(row);
    });
  }

  list({ after, state, queue, name, limit }: ListQuery): { readonly jobs: readonly JobRow[]; readonly next: JobId | null } {
    // One more than asked for tells whether there is a next page.
    const found = this.#list.all(after ?? "", state ?? null, queue ?? null, name ?? null, limit + 1);
    const jobs = found.slice(0, limit).map(toJobRow);
    return { jobs, next: found.length > limit ? (jobs.at(-1)?.id ?? null) : null };
  }
}
