import { describe, expect, it } from "vitest";
import { OptionsError } from "../../../src/errors.js";
import { parseDuration, show } from "../../../src/job/duration.js";

describe("parseDuration", () => {
  it.each<readonly [unknown, number]>([
    [0, 0],
    [0.25, 0.25],
    [1_500, 1_500],
    [Number.MAX_VALUE, Number.MAX_VALUE],
    ["0s", 0],
    ["1ms", 1],
    ["1s", 1_000],
    ["90s", 90_000],
    ["1.5s", 1_500],
    ["10m", 600_000],
    ["0.5h", 1_800_000],
    ["2h", 7_200_000],
    ["30d", 2_592_000_000],
    ["007s", 7_000],
    ["999999999999999d", 999_999_999_999_999 * 86_400_000],
  ])("%o is %d ms", (value, ms) => {
    expect(parseDuration(value, "delay")).toBe(ms);
  });

  it.each<unknown>([
    ...[-1, -0.001, NaN, Infinity, -Infinity, null, undefined, true, 5n, {}, [], ["5s"], () => 5, Symbol("s"), new Date(5)],
    ...["", "5", "s", " 5s", "5s ", "5 s", "-5s", "+5s", "1e3s", ".5s", "5.s", "5S", "5sec", "5s5s", "1h30m", "Infinity", "NaNs", "٥s", "0x5s"],
    ...["1000000000000000d", `0.${"1".repeat(16)}s`, "5\ns", "5s\n"],
  ])("refuses %o and names the option", (value) => {
    expect(() => parseDuration(value, "queues.images.timeout")).toThrow(OptionsError);
    expect(() => parseDuration(value, "queues.images.timeout")).toThrow(/^queues\.images\.timeout must be a duration that is not negative/);
  });

  it("holds to the least that is allowed", () => {
    expect(parseDuration(1, "timeout", { minMs: 1 })).toBe(1);
    expect(parseDuration("1ms", "timeout", { minMs: 1 })).toBe(1);
    for (const value of [0, 0.999, "0s", "0.5ms"]) expect(() => parseDuration(value, "timeout", { minMs: 1 })).toThrow(/timeout must be a duration of at least 1 ms/);
  });
});

describe("show", () => {
  it.each<readonly [unknown, string]>([
    ["text", '"text"'],
    ['"', '"\\""'],
    ["x".repeat(40), `"${"x".repeat(40)}"`],
    ["x".repeat(41), `"${"x".repeat(40)}…"`],
    [5, "5"],
    [NaN, "NaN"],
    [5n, "5"],
    [false, "false"],
    [null, "null"],
    [undefined, "undefined"],
    [[1, 2], "an array"],
    [{ secret: 1 }, "a object"],
    [() => 1, "a function"],
    [Symbol("s"), "a symbol"],
  ])("%o is shown as %s", (value, shown) => {
    expect(show(value)).toBe(shown);
  });
});
