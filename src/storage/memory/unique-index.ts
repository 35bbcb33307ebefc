import type { StoredRow } from "./row.js";

/** Which job holds which unique key. */
export class UniqueIndex {
  readonly #holders = new Map<string, StoredRow>();

  /** Who holds the key of this row, be it the row itself. */
  holder({ line, terms: { unique } }: StoredRow): StoredRow | undefined {
    return unique === null ? undefined : this.#holders.get(scoped(line.name, unique.key));
  }

  /** Whether the row may go on to hold its key, or needs none. */
  isFreeFor(row: StoredRow): boolean {
    const holder = this.holder(row);
    return holder === undefined || holder === row;
  }

  takeIfFree(row: StoredRow): void {
    const { unique } = row.terms;
    if (unique !== null && this.isFreeFor(row)) this.#holders.set(scoped(row.line.name, unique.key), row);
  }

  release(row: StoredRow): void {
    const { unique } = row.terms;
    if (unique === null) return;
    const key = scoped(row.line.name, unique.key);
    if (this.#holders.get(key) === row) this.#holders.delete(key);
  }
}

/** The length comes first, so that no name and key run into another name and key. */
function scoped(name: string, key: string): string {
  return `${name.length}:${name}${key}`;
}
