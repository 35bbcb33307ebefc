import type { SimTime } from "./sim-clock.js";

/** What happened, in order: as a hash, and as lines when somebody wants to read them. */
export class Trace {
  readonly lines: string[] = [];
  readonly #time: SimTime;
  readonly #keep: boolean;
  #hash = 0x811c9dc5;

  constructor(time: SimTime, keep: boolean) {
    this.#time = time;
    this.#keep = keep;
  }

  /** FNV-1a of all that was written. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  write(text: string): void {
    const line = `${this.#time.monotonic.toFixed(3)} ${text}`;
    let hash = this.#hash;
    for (let index = 0; index < line.length; index += 1) hash = Math.imul(hash ^ line.charCodeAt(index), 0x01000193);
    this.#hash = hash;
    if (this.#keep) this.lines.push(line);
  }
}
