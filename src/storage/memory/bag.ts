import type { Heaped } from "./heap.js";

/** Items in no order. They know their place, so that none has to be looked for. An item is in at most one bag or heap at a time. */
export class Bag<Item extends Heaped> {
  readonly #items: Item[] = [];

  /** Valid until the next change. */
  get items(): readonly Item[] {
    return this.#items;
  }

  add(item: Item): void {
    item.heapIndex = this.#items.length;
    this.#items.push(item);
  }

  /** It must be in here. */
  delete(item: Item): void {
    const last = this.#items.pop();
    if (last !== undefined && last !== item) {
      this.#items[item.heapIndex] = last;
      last.heapIndex = item.heapIndex;
    }
    item.heapIndex = -1;
  }
}
