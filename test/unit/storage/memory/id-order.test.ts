import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IdOrder } from "../../../../src/storage/memory/id-order.js";
import { QueueIndex } from "../../../../src/storage/memory/queue-index.js";
import { empty, storedRow, type StoredRow } from "../../../../src/storage/memory/row.js";
import { newJob } from "../../../../src/testing/storage-suite/sample-jobs.js";

const line = new QueueIndex().line(newJob({}));
const newRow = (id: string): StoredRow => storedRow(newJob({ id }), line, 0);

function idsOf(order: IdOrder, after?: string): string[] {
  return order.find({ after, limit: Infinity, matches: () => true }).map(({ id }) => id);
}

function remove(order: IdOrder, row: StoredRow): void {
  empty(row);
  order.noteRemoval();
}

const id = fc.nat({ max: 999 }).map((number) => String(number).padStart(3, "0"));
const step = fc.oneof(
  fc.record({ add: fc.uniqueArray(id, { maxLength: 60, size: "max" }) }),
  fc.record({ remove: fc.nat({ max: 4 }) }),
  fc.record({ after: fc.option(id, { nil: undefined }) }),
);

describe("order of ids", () => {
  it("is that of a sorted set, in whatever order ids come and go", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20, size: "max" }), (steps) => {
        const order = new IdOrder();
        const rows = new Map<string, StoredRow>();
        for (const each of steps) {
          if ("add" in each) {
            for (const newId of each.add.filter((candidate) => !rows.has(candidate))) {
              rows.set(newId, newRow(newId));
              order.add(rows.get(newId)!);
            }
          } else if ("remove" in each) {
            // Every so many of them, so that clean-ups happen.
            for (const [index, row] of [...rows.values()].entries()) {
              if (index % 5 > each.remove) continue;
              rows.delete(row.id);
              remove(order, row);
            }
          } else {
            const { after = "" } = each;
            expect(idsOf(order, each.after)).toEqual([...rows.keys()].filter((candidate) => candidate > after).sort());
          }
        }
        expect(idsOf(order)).toEqual([...rows.keys()].sort());
      }),
      { numRuns: 200 },
    );
  });

  it("stops at the limit and looks only at what matches", () => {
    const order = new IdOrder();
    for (const each of ["a", "b", "c", "d"]) order.add(newRow(each));
    expect(order.find({ after: "a", limit: 2, matches: (row) => row.id !== "b" }).map((row) => row.id)).toEqual(["c", "d"]);
    expect(order.find({ after: undefined, limit: 1, matches: () => true }).map((row) => row.id)).toEqual(["a"]);
  });
});
