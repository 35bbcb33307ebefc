/** Worker threads with nothing around them: what is asked of them goes by `postMessage`, and comes back the same way. */

import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** `kind` is one of those that `bench/threads/bare-worker.js` answers. */
export interface BareMessage {
  readonly kind: string;
  readonly [key: string]: unknown;
}

export class BareWorkers {
  readonly #workers: readonly Worker[];

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers;
  }

  static async open(threads: number): Promise<BareWorkers> {
    const workers = Array.from({ length: threads }, () => new Worker(new URL("../threads/bare-worker.js", import.meta.url), { execArgv: [] }));
    await Promise.all(workers.map((worker) => once(worker, "online")));
    return new BareWorkers(workers);
  }

  /** So many units of so many steps, divided evenly and each share in one message. */
  async burn(units: number, steps: number): Promise<void> {
    const share = Math.ceil(units / this.#workers.length);
    await Promise.all(
      this.#workers.map((_, index) => this.ask(index, { kind: "burn", steps, units: Math.min(share, units - index * share) })),
    );
  }

  async ask(index: number, message: BareMessage, transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    const worker = this.#workers[index];
    if (worker === undefined) throw new RangeError(`there is no worker ${index}`);
    const answer = once(worker, "message");
    worker.postMessage(message, transfer);
    const [value] = (await answer) as [unknown];
    return value;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
