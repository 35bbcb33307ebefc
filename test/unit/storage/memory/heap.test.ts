import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heap, type Heaped } from "../../../../src/storage/memory/heap.js";

interface Item extends Heaped {
  readonly rank: number;
}

const newHeap = (): Heap<Item> => new Heap<Item>((a, b) => a.rank < b.rank);
const item = (rank: number): Item => ({ rank, heapIndex: -1 });

function drain(heap: Heap<Item>): number[] {
  const ranks: number[] = [];
  for (let next = heap.pop(); next !== undefined; next = heap.pop()) ranks.push(next.rank);
  return ranks;
}

const rank = fc.nat({ max: 999 });
/** Several levels deep: only then a removal can pull up an item from another branch. */
const LARGE = { maxLength: 100, size: "max" } as const;

describe("heap", () => {
  it("gives items in order", () => {
    fc.assert(
      fc.property(fc.array(rank, LARGE), (given) => {
        const heap = newHeap();
        for (const each of given) heap.push(item(each));
        expect(heap.size).toBe(given.length);
        expect(drain(heap)).toEqual(given.toSorted((a, b) => a - b));
      }),
    );
  });

  it("gives the others in order after any of them were taken out", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(rank, fc.boolean()), LARGE), (given) => {
        const heap = newHeap();
        const items = given.map(([each]) => item(each));
        for (const each of items) heap.push(each);
        for (const [index, [, isTaken]] of given.entries()) if (isTaken) heap.remove(items[index]!);
        const left = given.filter(([, isTaken]) => !isTaken).map(([each]) => each);
        expect(heap.items.every((each, index) => each.heapIndex === index)).toBe(true);
        expect(drain(heap)).toEqual(left.toSorted((a, b) => a - b));
      }),
    );
  });

  it("gives in order while items come and go", () => {
    fc.assert(
      fc.property(fc.array(fc.option(rank), LARGE), (steps) => {
        const heap = newHeap();
        const model: number[] = [];
        for (const step of steps) {
          if (step === null) expect(heap.pop()?.rank).toBe(model.shift());
          else {
            heap.push(item(step));
            model.push(step);
            model.sort((a, b) => a - b);
          }
          expect(heap.peek()?.rank).toBe(model[0]);
        }
      }),
    );
  });

  it("leaves alone what is not in it", () => {
    const [heap, other] = [newHeap(), newHeap()];
    const [mine, theirs, nobodys] = [item(1), item(1), item(1)];
    heap.push(mine);
    other.push(theirs);
    heap.remove(theirs);
    heap.remove(nobodys);
    expect([heap.size, other.size, theirs.heapIndex, nobodys.heapIndex]).toEqual([1, 1, 0, -1]);
    heap.remove(mine);
    heap.remove(mine);
    expect([heap.size, mine.heapIndex, heap.pop()]).toEqual([0, -1, undefined]);
  });
});
