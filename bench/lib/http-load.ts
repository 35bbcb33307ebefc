/** A server in this process, and somebody in another one who asks it at a steady rate. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

const PER_SECOND = 200;
const ANSWER = JSON.stringify({ ok: true });

export class HttpLoad {
  readonly #server: Server;
  readonly #client: ChildProcess;
  /** Rejects when the client is gone before it may. */
  readonly #failed: Promise<never>;

  private constructor(server: Server, client: ChildProcess) {
    this.#server = server;
    this.#client = client;
    this.#failed = once(client, "exit").then(([code]) => {
      throw new Error(`the HTTP client ended with exit code ${String(code)}`);
    });
    this.#failed.catch(() => undefined);
  }

  static async open(): Promise<HttpLoad> {
    const server = createServer((_request, response) => response.setHeader("content-type", "application/json").end(ANSWER));
    // Between two rounds the client is silent for longer than a server waits by default.
    server.keepAliveTimeout = 0;
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new HttpLoad(server, fork(fileURLToPath(new URL("../processes/http-client.js", import.meta.url)), { execArgv: [] }));
  }

  /** @returns how long each answer took, in ms */
  async ask(ms: number): Promise<readonly number[]> {
    const answer = Promise.race([once(this.#client, "message"), this.#failed]);
    this.#client.send({ port: (this.#server.address() as AddressInfo).port, perSecond: PER_SECOND, ms });
    const [latencies] = (await answer) as [readonly number[]];
    return latencies;
  }

  async close(): Promise<void> {
    const gone = once(this.#client, "exit");
    this.#client.disconnect();
    await gone;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
