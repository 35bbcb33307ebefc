import type { Clock } from "./clock.js";

/** Collects what comes in one turn of the event loop, and hands all of it on at its end. */
export class TurnBatch<Item> {
  readonly #clock: Pick<Clock, "endOfTurn">;
  readonly #take: (items: readonly Item[]) => void;
  #items: Item[] = [];

  constructor(clock: Pick<Clock, "endOfTurn">, take: (items: readonly Item[]) => void) {
    this.#clock = clock;
    this.#take = take;
  }

  add(items: readonly Item[]): void {
    if (this.#items.length === 0 && items.length > 0) this.#clock.endOfTurn(() => this.#end());
    for (const item of items) this.#items.push(item);
  }

  #end(): void {
    const items = this.#items;
    this.#items = [];
    this.#take(items);
  }
}
