import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SortedQueue } from "../../../../src/storage/memory/sorted-queue.js";

interface Item {
  readonly key: number;
  readonly sequence: number;
  heapIndex: number;
}

function before(a: Item, b: Item): boolean {
  return a.key === b.key ? a.sequence < b.sequence : a.key < b.key;
}

/** Mostly in order, as times are. */
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("push" as const), step: fc.integer({ min: -2, max: 10 }) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("take" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("take many" as const), count: fc.nat(40) }) },
  ),
  { maxLength: 300 },
);

describe("a sorted queue", () => {
  it("gives out what a sorted list would, whatever comes and goes", () => {
    fc.assert(
      fc.property(steps, fc.boolean(), (all, hasMany) => {
        const queue = new SortedQueue<Item>(before);
        let model: Item[] = [];
        let key = 0;
        let sequence = 0;
        const push = (step: number): void => {
          key += step;
          const item = { key, sequence: (sequence += 1), heapIndex: -1 };
          queue.push(item);
          model = [...model, item].sort((a, b) => (before(a, b) ? -1 : 1));
        };
        const remove = (item: Item | undefined): void => {
          if (item === undefined) return;
          queue.remove(item);
          queue.remove(item);
          model = model.filter((other) => other !== item);
        };
        if (hasMany) for (let count = 0; count < 40; count += 1) push(1);
        for (const step of all) {
          if (step.do === "push") push(step.step);
          else if (step.do === "remove") remove(model[step.which % Math.max(model.length, 1)]);
          else for (let count = step.do === "take" ? 1 : step.count; count > 0; count -= 1) remove(queue.peek());
          expect(queue.peek()).toBe(model[0]);
          expect(queue.size).toBe(model.length);
          expect(new Set(queue.items())).toEqual(new Set(model));
        }
      }),
    );
  });

  it("stays in order while very many pass through it", () => {
    const queue = new SortedQueue<Item>(before);
    const push = (sequence: number): void => queue.push({ key: sequence, sequence, heapIndex: -1 });
    for (let sequence = 0; sequence < 2_000; sequence += 1) push(sequence);
    for (let sequence = 0; sequence < 20_000; sequence += 1) {
      const first = queue.peek();
      expect(first?.sequence).toBe(sequence);
      if (first !== undefined) queue.remove(first);
      push(sequence + 2_000);
    }
    expect(queue.size).toBe(2_000);
  });
});
