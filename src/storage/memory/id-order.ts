import type { JobId } from "../../job/job-record.js";
import type { StoredRow } from "./row.js";

/** Below this many, deleted rows are not worth a clean-up. */
const FEW = 64;

/** All rows in order of id. Cheap while ids come in order, as they nearly always do; put in order only when read. */
export class IdOrder {
  /** May hold deleted rows: a clean-up takes them out when they are the majority. */
  #rows: StoredRow[] = [];
  /** So many from the start are in order. */
  #ordered = 0;
  #deleted = 0;

  add(row: StoredRow): void {
    const last = this.#rows.at(-1);
    const inOrder = this.#ordered === this.#rows.length && (last === undefined || last.id < row.id);
    this.#rows.push(row);
    if (inOrder) this.#ordered += 1;
  }

  /** Notes that a row is marked as removed. */
  noteRemoval(): void {
    this.#deleted += 1;
    if (this.#deleted < FEW || this.#deleted * 2 < this.#rows.length) return;
    this.#putInOrder();
    this.#rows = this.#rows.filter((row) => !row.removed);
    this.#ordered = this.#rows.length;
    this.#deleted = 0;
  }

  /** The first `limit` rows that match and whose id comes after `after`. */
  find(query: {
    readonly after: JobId | undefined;
    readonly limit: number;
    readonly matches: (row: StoredRow) => boolean;
  }): StoredRow[] {
    const { after, limit, matches } = query;
    this.#putInOrder();
    const found: StoredRow[] = [];
    let index = after === undefined ? 0 : this.#firstIndex((id) => id > after);
    for (; found.length < limit; index += 1) {
      const row = this.#rows[index];
      if (row === undefined) break;
      if (!row.removed && matches(row)) found.push(row);
    }
    return found;
  }

  #putInOrder(): void {
    const disordered = this.#rows.slice(this.#ordered).map((row) => row.id);
    if (disordered.length === 0) return;
    const least = disordered.reduce((a, b) => (a < b ? a : b));
    // Only the part from the least of the newcomers on is touched, which is short if they come nearly in order.
    const rest = this.#rows.splice(this.#firstIndex((id) => id >= least));
    rest.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
    for (const row of rest) this.#rows.push(row);
    this.#ordered = this.#rows.length;
  }

  /** Where, among those in order, the first is that fits; all after it must fit too. */
  #firstIndex(fits: (id: JobId) => boolean): number {
    let low = 0;
    let high = this.#ordered;
    while (low < high) {
      const middle = (low + high) >> 1;
      const row = this.#rows[middle];
      if (row === undefined || fits(row.id)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
