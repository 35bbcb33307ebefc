import { Heap, type Heaped } from "./heap.js";

/** So many empty places at the front are not worth a clean-up. */
const FEW = 1_024;

/**
 * A queue in a strict order, for items that mostly come in that order: those are only appended, and taking the first costs
 * nothing. Stragglers go to a heap beside it. An item is in at most one queue or heap at a time.
 */
export class SortedQueue<Item extends Heaped> {
  readonly #before: (a: Item, b: Item) => boolean;
  /** In order. Those taken out leave a gap, but never at either end. */
  #line: (Item | undefined)[] = [];
  /** Where the first is. */
  #head = 0;
  /** `heapIndex` of an item in line counts from the first that ever was there. */
  #gone = 0;
  #inLine = 0;
  readonly #stragglers: Heap<Item>;

  /** @param before a strict order: whether `a` comes out before `b`. It must not change while they are in here */
  constructor(before: (a: Item, b: Item) => boolean) {
    this.#before = before;
    this.#stragglers = new Heap(before);
  }

  get size(): number {
    return this.#inLine + this.#stragglers.size;
  }

  /** In no particular order. */
  items(): Item[] {
    return [...this.#line.slice(this.#head).filter((item) => item !== undefined), ...this.#stragglers.items];
  }

  peek(): Item | undefined {
    const first = this.#line[this.#head];
    const straggler = this.#stragglers.peek();
    if (first === undefined || straggler === undefined) return first ?? straggler;
    return this.#before(straggler, first) ? straggler : first;
  }

  push(item: Item): void {
    const last = this.#line.at(-1);
    if (last !== undefined && this.#before(item, last)) return this.#stragglers.push(item);
    item.heapIndex = this.#gone + this.#line.length;
    this.#line.push(item);
    this.#inLine += 1;
  }

  /** Does nothing if the item is not in this queue. */
  remove(item: Item): void {
    const index = item.heapIndex - this.#gone;
    if (this.#line[index] !== item) return this.#stragglers.remove(item);
    item.heapIndex = -1;
    this.#line[index] = undefined;
    this.#inLine -= 1;
    if (this.#inLine === 0) this.#clear();
    else this.#closeGaps();
  }

  #clear(): void {
    this.#gone += this.#line.length;
    this.#line = [];
    this.#head = 0;
  }

  #closeGaps(): void {
    while (this.#line[this.#head] === undefined) this.#head += 1;
    while (this.#line.at(-1) === undefined) this.#line.pop();
    if (this.#head < FEW || this.#head * 2 < this.#line.length) return;
    this.#line = this.#line.slice(this.#head);
    this.#gone += this.#head;
    this.#head = 0;
  }
}
