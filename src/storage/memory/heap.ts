/** What can be in a heap: it is told its place, so that it can be taken out from anywhere. */
export interface Heaped {
  /** Kept by the heap; -1 outside of any. */
  heapIndex: number;
}

/** A binary heap whose items know their place. An item is in at most one heap at a time. */
export class Heap<Item extends Heaped> {
  readonly #items: Item[] = [];
  readonly #before: (a: Item, b: Item) => boolean;

  /** @param before a strict order: whether `a` comes out before `b` */
  constructor(before: (a: Item, b: Item) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  /** In no particular order; valid until the next change. */
  get items(): readonly Item[] {
    return this.#items;
  }

  peek(): Item | undefined {
    return this.#items[0];
  }

  push(item: Item): void {
    this.#siftUp(item, this.#items.length);
  }

  pop(): Item | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Does nothing if the item is not in this heap. */
  remove(item: Item): void {
    const index = item.heapIndex;
    if (this.#items[index] !== item) return;
    item.heapIndex = -1;
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    // The last item fills the gap; seen from there it may belong further up or further down.
    const parent = this.#items[(index - 1) >> 1];
    if (index > 0 && parent !== undefined && this.#before(last, parent)) this.#siftUp(last, index);
    else this.#siftDown(last, index);
  }

  #siftUp(item: Item, from: number): void {
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#items[parentIndex];
      if (parent === undefined || !this.#before(item, parent)) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(item, index);
  }

  #siftDown(item: Item, from: number): void {
    const { length } = this.#items;
    let index = from;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= length) break;
      let child = this.#items[childIndex];
      const right = childIndex + 1 < length ? this.#items[childIndex + 1] : undefined;
      if (child !== undefined && right !== undefined && this.#before(right, child)) {
        child = right;
        childIndex += 1;
      }
      if (child === undefined || !this.#before(child, item)) break;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(item, index);
  }

  #place(item: Item, index: number): void {
    this.#items[index] = item;
    item.heapIndex = index;
  }
}
