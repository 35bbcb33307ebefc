/** The most that a port can carry: frames of payloads that are packed one by one, and nothing else around it. */

import { once } from "node:events";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { type BareFrame, packFrame, unpackFrame } from "../threads/frames.js";

const FRAME = 256;
/** Frames under way to each worker, so that none has to wait. */
const WINDOW = 4;

export class BarePort {
  readonly #workers: readonly Worker[];
  readonly #ports: readonly MessagePort[];

  private constructor(workers: readonly Worker[], ports: readonly MessagePort[]) {
    this.#workers = workers;
    this.#ports = ports;
  }

  static async open(threads: number): Promise<BarePort> {
    const workers: Worker[] = [];
    const ports: MessagePort[] = [];
    for (let index = 0; index < threads; index += 1) {
      const { port1, port2 } = new MessageChannel();
      workers.push(new Worker(new URL("../threads/bare-port.js", import.meta.url), { workerData: { port: port2 }, transferList: [port2], execArgv: [] }));
      ports.push(port1);
    }
    await Promise.all(workers.map((worker) => once(worker, "online")));
    return new BarePort(workers, ports);
  }

  /**
   * @param frame how many payloads a message carries
   * @returns every payload as it came back
   */
  async echo(jobs: number, payloadOf: (index: number) => unknown, frame: number = FRAME): Promise<readonly unknown[]> {
    const results: unknown[] = [];
    let sent = 0;
    await new Promise<void>((resolve) => {
      const send = (port: MessagePort): void => {
        const count = Math.min(frame, jobs - sent);
        if (count === 0) return;
        const first = sent;
        sent += count;
        port.postMessage(packFrame(count, (index) => payloadOf(first + index)));
      };
      for (const port of this.#ports) {
        port.on("message", (answer: BareFrame) => {
          send(port);
          unpackFrame(answer, (payload) => results.push(payload));
          if (results.length === jobs) resolve();
        });
      }
      for (let sentFirst = 0; sentFirst < WINDOW; sentFirst += 1) this.#ports.forEach(send);
    });
    for (const port of this.#ports) port.removeAllListeners("message");
    return results;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
