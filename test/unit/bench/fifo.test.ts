import { expect, it } from "vitest";
import { idealWaits } from "../../../bench/lib/fifo.js";

it("an ideal pool gives each job to the first server that is free", () => {
  const arrivals = [
    { atMs: 0, runMs: 10 },
    { atMs: 1, runMs: 3 },
    { atMs: 2, runMs: 5 },
    { atMs: 3, runMs: 1 },
    { atMs: 20, runMs: 1 },
  ];
  expect(idealWaits(arrivals, 1)).toEqual([0, 9, 11, 15, 0]);
  expect(idealWaits(arrivals, 2)).toEqual([0, 0, 2, 6, 0]);
  expect(idealWaits(arrivals, 9)).toEqual([0, 0, 0, 0, 0]);
});
