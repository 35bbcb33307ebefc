import { describe, expect, it } from "vitest";
import { fromColumns, toColumns } from "../../../src/storage/sqlite/columns.js";

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

function sent<Row extends object>(rows: readonly Row[]): Row[] {
  return fromColumns(structuredClone(toColumns(rows)), (row) => ({ ...row }));
}

describe("columns", () => {
  it.each<[string, readonly object[]]>([
    ["nothing", []],
    ["one row", [{ id: "a", payload: bytes(1, 2), meta: { a: "b" }, unique: null }]],
    ["what is the same and what is not", [{ id: "a", to: "dead", at: 1 }, { id: "b", to: "dead", at: 2 }]],
    ["bytes, none of them and null", [{ result: null }, { result: bytes() }, { result: bytes(1) }, { result: null }, { result: bytes(2, 3) }]],
    ["null first", [{ failure: null }, { failure: { reason: "threw" } }]],
    ["numbers that JSON has not", [{ maxRetries: Infinity }, { maxRetries: -0 }, { maxRetries: NaN }]],
  ])("bring back %s", (_, rows) => {
    expect(sent(rows)).toEqual(rows);
  });

  it("take of a larger buffer only what belongs to the row", () => {
    const large = new Uint8Array(1_000_000);
    const columns = toColumns([{ payload: large.subarray(10, 12) }, { payload: large.subarray(20, 23) }]);
    expect(columns.columns).toEqual([["payload", { bytes: new Uint8Array(5), ends: [2, 5] }]]);
  });

  it("give many bytes to each row for itself, so that one that is kept does not keep them all", () => {
    const rows = [{ payload: new Uint8Array(800_000).fill(1) }, { payload: new Uint8Array(800_000).fill(2) }];
    const back = sent(rows);
    expect(back.map(({ payload }) => [payload.buffer.byteLength, payload[0]])).toEqual([[800_000, 1], [800_000, 2]]);
  });
});
