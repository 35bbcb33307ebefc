import { describe, expect, it } from "vitest";
import { fallenRows, findFallen } from "../../../bench/lib/compare.js";
import { type Bound, judge, type Ratios } from "../../../bench/lib/ratio.js";

const HIGHER: Bound = { atLeast: 5 };
const LOWER: Bound = { atMost: 400 };
const ALLOWANCE: Bound = { atMost: 1, allowance: true };

function one(median: number, bound: Bound): Ratios {
  return { key: judge([median], bound) };
}

describe("what is judged", () => {
  it.each<{ readonly values: readonly number[]; readonly bound: Bound; readonly ok: boolean }>([
    { values: [5], bound: HIGHER, ok: true },
    { values: [4.99], bound: HIGHER, ok: false },
    { values: [1, 6, 7], bound: HIGHER, ok: true },
    { values: [1, 4, 70], bound: HIGHER, ok: false },
    { values: [400], bound: LOWER, ok: true },
    { values: [401], bound: LOWER, ok: false },
    { values: [NaN], bound: HIGHER, ok: false },
    { values: [NaN], bound: LOWER, ok: false },
    { values: [], bound: HIGHER, ok: false },
  ])("by its median: $values with $bound", ({ values, bound, ok }) => {
    expect(judge(values, bound).ok).toBe(ok);
  });

  it("keeps its range, how many rounds there were and which way is better", () => {
    expect(judge([3, 1, 2], { atMost: 4, aim: 1 })).toEqual({
      median: 2,
      min: 1,
      max: 3,
      n: 3,
      limit: 4,
      better: "lower",
      aim: 1,
      allowance: false,
      ok: true,
    });
  });
});

describe("what became worse", () => {
  it.each<{ readonly name: string; readonly before: number; readonly now: number; readonly bound: Bound; readonly isFallen: boolean }>([
    { name: "the same", before: 8, now: 8, bound: HIGHER, isFallen: false },
    { name: "better", before: 8, now: 80, bound: HIGHER, isFallen: false },
    { name: "a little worse", before: 8, now: 6.9, bound: HIGHER, isFallen: false },
    { name: "too much worse, though within its limit", before: 8, now: 6.7, bound: HIGHER, isFallen: true },
    { name: "too much worse, as it was missed before", before: 2, now: 1.5, bound: HIGHER, isFallen: true },
    { name: "a little worse, and now it misses its limit", before: 5.1, now: 4.9, bound: HIGHER, isFallen: false },
    { name: "fewer, where fewer is better", before: 300, now: 100, bound: LOWER, isFallen: false },
    { name: "a little more, where fewer is better", before: 300, now: 340, bound: LOWER, isFallen: false },
    { name: "too many more, where fewer is better", before: 300, now: 350, bound: LOWER, isFallen: true },
    { name: "an allowance of which more is used", before: 0.2, now: 0.9, bound: ALLOWANCE, isFallen: false },
    { name: "an allowance that is used up now", before: 0.9, now: 1.2, bound: ALLOWANCE, isFallen: true },
    { name: "an allowance that was used up before", before: 1.5, now: 1.6, bound: ALLOWANCE, isFallen: false },
    { name: "an allowance that was used up, and more is taken", before: 1.5, now: 1.8, bound: ALLOWANCE, isFallen: true },
    { name: "no number", before: 8, now: NaN, bound: HIGHER, isFallen: true },
  ])("$name: $before → $now", ({ before, now, bound, isFallen }) => {
    expect(findFallen(one(before, bound), one(now, bound)).map(({ key }) => key)).toEqual(isFallen ? ["key"] : []);
  });

  it("says by how much", () => {
    const fallen = findFallen(one(8, HIGHER), one(4, HIGHER));
    expect(fallen).toEqual([{ key: "key", before: 8, now: 4, worseBy: 0.5 }]);
    expect(fallenRows(fallen)).toEqual([["key", "8.00", "4.00", "50.0 %"]]);
  });

  it("counts what is not measured any more", () => {
    const fallen = findFallen(one(8, HIGHER), { other: judge([8], HIGHER) });
    expect(fallen).toEqual([{ key: "key", before: 8, now: null, worseBy: Infinity }]);
    expect(fallenRows(fallen)).toEqual([["key", "8.00", "not measured", "–"]]);
  });

  it("leaves out what was not measured before", () => {
    expect(findFallen({}, one(1, HIGHER))).toEqual([]);
  });

  it("is found after the way through a file, where not a number is null", () => {
    const before = JSON.parse(JSON.stringify({ ...one(8, HIGHER), lost: judge([NaN], HIGHER) })) as Ratios;
    expect(findFallen(before, { ...one(6, HIGHER), lost: judge([3], HIGHER) }).map(({ key }) => key)).toEqual(["key"]);
  });
});
