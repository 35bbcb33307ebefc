import { describe, expect, it } from "vitest";
import { Succession } from "../../../src/dispatch/succession.js";

function newSuccession(threads: number): { readonly succession: Succession<string>; readonly replaced: string[] } {
  const replaced: string[] = [];
  return { replaced, succession: new Succession({ threads, replace: (thread: string) => replaced.push(thread) }) };
}

describe("a thread that is retired", () => {
  it("is replaced at once and once, and not when it ends", () => {
    const { succession, replaced } = newSuccession(1);
    succession.retired("a");
    succession.retired("a");
    expect(replaced).toEqual(["a"]);
    expect(succession.ended("a")).toBe(false);
    expect(succession.ended("b")).toBe(true);
  });

  it("waits for its turn when too many are kept already, in order", () => {
    const { succession, replaced } = newSuccession(2);
    for (const thread of ["a", "b", "c", "d", "c"]) succession.retired(thread);
    expect(replaced).toEqual(["a", "b"]);
    expect(succession.ended("b")).toBe(false);
    expect(replaced).toEqual(["a", "b", "c"]);
    // It has ended before its turn came.
    expect(succession.ended("d")).toBe(true);
    expect(succession.ended("a")).toBe(false);
    expect(replaced).toEqual(["a", "b", "c"]);
  });
});
