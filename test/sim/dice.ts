import { seededRandom } from "../../src/testing/seeded-random.js";

/** Random choices that follow from a seed. Each part of the world has its own, so that turning one off leaves the others alone. */
export class Dice {
  readonly random: () => number;

  constructor(seed: number, part: number) {
    this.random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(part + 1, 0x85ebca6b));
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  between(least: number, most: number): number {
    return least + this.random() * (most - least);
  }

  /** A whole number from `least` to `most`. */
  int(least: number, most: number): number {
    return Math.floor(this.between(least, most + 1));
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.random() * items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }
}
