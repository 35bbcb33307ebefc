/**
 * Threads that are replaced before their end: one that takes no jobs any more may be kept for long by those it has, and nobody
 * should wait for that. At most as many are kept beside their replacements as the pool has threads; others wait for their turn,
 * so that jobs which never end cannot pile up threads.
 */
export class Succession<Thread> {
  readonly #threads: number;
  readonly #replace: (thread: Thread) => void;
  readonly #replaced = new Set<Thread>();
  /** In the order in which they were retired. */
  readonly #waiting = new Set<Thread>();

  constructor({ threads, replace }: { readonly threads: number; readonly replace: (thread: Thread) => void }) {
    this.#threads = threads;
    this.#replace = replace;
  }

  retired(thread: Thread): void {
    if (this.#replaced.has(thread)) return;
    if (this.#replaced.size >= this.#threads) return void this.#waiting.add(thread);
    this.#replaced.add(thread);
    this.#replace(thread);
  }

  /** @returns whether it is to be replaced now */
  ended(thread: Thread): boolean {
    this.#waiting.delete(thread);
    if (!this.#replaced.delete(thread)) return true;
    const [next] = this.#waiting;
    if (next === undefined) return false;
    this.#waiting.delete(next);
    this.retired(next);
    return false;
  }
}
