import { expect, it } from "vitest";
import type { Awaited } from "../../../src/client/awaited.js";
import { AwaitedJobs } from "../../../src/client/awaited-jobs.js";
import { collectGarbage } from "../../garbage.js";

const idOf = (index: number): string => `id-${String(index).padStart(6, "0")}`;
const failed = (): Parameters<Awaited["settle"]>[0] => ({ kind: "failed", error: new Error("over") });
const MANY = 2_000;

function addAll(jobs: AwaitedJobs, from = 0): Awaited[] {
  return Array.from({ length: MANY }, (_, index) => jobs.add(idOf(from + index)));
}

function known(jobs: AwaitedJobs): string[] {
  return Array.from({ length: MANY }, (_, index) => idOf(index)).filter((id) => jobs.get(id) !== undefined);
}

it("knows the jobs of which somebody keeps what add gave, and of the others only their neighbours", async () => {
  const jobs = new AwaitedJobs();
  const kept = addAll(jobs)[700];
  // The group that is being filled is not left alone.
  addAll(jobs, MANY);
  await collectGarbage();
  expect(jobs.get(idOf(700))).toBe(kept);
  expect(known(jobs)).toHaveLength(256);
});

it("knows the jobs of which somebody awaits the end, though nobody keeps what add gave", async () => {
  const jobs = new AwaitedJobs();
  const ended: string[] = [];
  const waitFor = (index: number): (() => void) => {
    const leave = jobs.get(idOf(index))?.wait({ resolve: () => undefined, reject: () => ended.push(idOf(index)) });
    return leave ?? (() => undefined);
  };
  addAll(jobs);
  addAll(jobs, MANY);
  waitFor(3);
  waitFor(3);
  const leave = [waitFor(700), waitFor(700)];
  waitFor(701)();
  await collectGarbage();
  expect(known(jobs)).toHaveLength(512);
  leave[0]?.();
  await collectGarbage();
  expect(known(jobs)).toHaveLength(512);
  leave[1]?.();
  leave[1]?.();
  leave.length = 0;
  await collectGarbage();
  expect(known(jobs)).toHaveLength(256);
  jobs.delete(idOf(3))?.settle(failed());
  expect(ended).toEqual([idOf(3), idOf(3)]);
  await collectGarbage();
  expect(known(jobs)).toEqual([]);
});

it("finds every job, also those that come out of order or were not added here", () => {
  const jobs = new AwaitedJobs();
  const added = addAll(jobs, 10);
  const late = jobs.add(idOf(5));
  const other = jobs.open("other");
  expect(jobs.add(idOf(10))).toBe(added[0]);
  expect(added.map((_, index) => jobs.get(idOf(10 + index)))).toEqual(added);
  expect([jobs.get(idOf(5)), jobs.get("other"), jobs.get("unknown"), jobs.get("")]).toEqual([late, other, undefined, undefined]);
  expect(jobs.all()).toHaveLength(MANY + 2);
  for (const id of [idOf(5), idOf(10), idOf(MANY), "other"]) {
    expect(jobs.delete(id)).toBeDefined();
    expect(jobs.get(id)).toBeUndefined();
    expect(jobs.delete(id)).toBeUndefined();
  }
  expect(jobs.all()).toHaveLength(MANY - 2);
});

it("forgets groups whose jobs have ended", () => {
  const jobs = new AwaitedJobs();
  const alive = addAll(jobs);
  for (let round = 1; round < 100; round += 1) {
    addAll(jobs, round * MANY);
    for (let index = 0; index < MANY; index += 1) jobs.delete(idOf(round * MANY + index));
  }
  expect(jobs.groups).toBeLessThan(64);
  expect(known(jobs)).toHaveLength(alive.length);
});
