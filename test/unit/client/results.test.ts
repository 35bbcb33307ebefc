import { expect, it } from "vitest";
import { endingOfResult, Results } from "../../../src/client/results.js";
import { encode } from "../../../src/job/payload.js";
import { claimed } from "../sample-job.js";

function scene(): { readonly results: Results; readonly holds: () => number } {
  let holds = 0;
  const hold = (): (() => void) => {
    holds += 1;
    return () => {
      holds -= 1;
    };
  };
  return { results: new Results({ hold }), holds: () => holds };
}

const ending = (value: unknown): ReturnType<typeof endingOfResult> => endingOfResult(encode(value, { root: "result", maxBytes: 1_000 }), claimed());
const ignore = (): void => undefined;

it("keeps the process alive while somebody waits, and no longer", () => {
  const { results, holds } = scene();
  const [a, b] = [results.open("a"), results.open("b")];
  expect(holds()).toBe(0);
  results.wait(a, ignore, ignore);
  results.wait(a, ignore, ignore);
  results.wait(b, ignore, ignore);
  expect(holds()).toBe(1);
  results.settle("a", ending(1));
  expect(holds()).toBe(1);
  results.settle("b", ending(2));
  expect(holds()).toBe(0);
  results.wait(a, ignore, ignore);
  expect(holds()).toBe(0);
  results.wait(results.open("c"), ignore, ignore);
  results.stop();
  expect(holds()).toBe(0);
});

it("tells whoever waits in the order in which they came, and each later one the same once more", () => {
  const { results } = scene();
  const awaited = results.open("a");
  const told: unknown[] = [];
  const asks = (name: string): [(value: unknown) => void, () => void] => [(value) => told.push([name, value]), ignore];
  const waiter = (name: string): Parameters<typeof awaited.wait>[0] => ({ resolve: asks(name)[0], reject: ignore });
  awaited.wait(waiter("first"));
  const leave = awaited.wait(waiter("gone"));
  results.wait(awaited, ...asks("second"));
  leave();
  results.settle("a", ending({ n: 1 }));
  results.wait(awaited, ...asks("late"));
  expect(told).toEqual([["first", { n: 1 }], ["second", { n: 1 }], ["late", { n: 1 }]]);
  expect(new Set(told.map((entry) => (entry as [string, object])[1])).size).toBe(3);
});

it("keeps of an outcome that was told no more than its own bytes", () => {
  const { results } = scene();
  const { bytes } = encode("small", { root: "result", maxBytes: 1_000 });
  const many = new Uint8Array(64 * 1_024);
  many.set(bytes, 100);
  const awaited = results.open("a");
  results.settle("a", endingOfResult({ bytes: many.subarray(100, 100 + bytes.length), attachments: [] }, claimed()));
  many.fill(0);
  expect(awaited.take()).toBe("small");
});

it("tells whoever comes to wait only after the stop at once", async () => {
  const { results, holds } = scene();
  results.stop();
  const awaited = results.open("a");
  const told = new Promise((resolve, reject) => results.wait(awaited, resolve, reject));
  await expect(told).rejects.toMatchObject({ code: "MILLRACE_ENGINE_STOPPED" });
  expect(holds()).toBe(0);
});
