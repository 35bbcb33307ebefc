/** Worker threads with nothing around them: what is asked of them goes by `postMessage`, and comes back the same way. */

import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** `kind` is one of those that `bench/threads/bare-worker.js` answers. */
export interface BareMessage {
  readonly kind: string;
  readonly [key: string]: unknown;
}

interface BareWorker {
  readonly worker: Worker;
  /** Whoever waits for an answer: answers come in the order of the messages. */
  readonly waiting: ((answer: unknown) => void)[];
}

export class BareWorkers {
  readonly #workers: readonly BareWorker[];

  private constructor(workers: readonly BareWorker[]) {
    this.#workers = workers;
  }

  static async open(threads: number): Promise<BareWorkers> {
    const workers = Array.from({ length: threads }, openOne);
    await Promise.all(workers.map(({ worker }) => once(worker, "online")));
    return new BareWorkers(workers);
  }

  /** So many units of so many steps, divided evenly and each share in one message. */
  async burn(units: number, steps: number): Promise<void> {
    const share = Math.ceil(units / this.#workers.length);
    await Promise.all(this.#workers.map((_, index) => this.ask(index, { kind: "burn", steps, units: Math.min(share, units - index * share) })));
  }

  ask(index: number, message: BareMessage, transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    const own = this.#workers[index];
    if (own === undefined) throw new RangeError(`there is no worker ${index}`);
    return new Promise((resolve) => {
      own.waiting.push(resolve);
      own.worker.postMessage(message, transfer);
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map(({ worker }) => worker.terminate()));
  }
}

function openOne(): BareWorker {
  const worker = new Worker(new URL("../threads/bare-worker.js", import.meta.url), { execArgv: [] });
  const waiting: BareWorker["waiting"] = [];
  worker.on("message", (answer: unknown) => waiting.shift()?.(answer));
  return { worker, waiting };
}
