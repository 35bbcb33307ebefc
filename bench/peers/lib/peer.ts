/** The other side of a contestant's process. */

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Bytes, Description, Reply, Request, Starts, Timing } from "../types.js";

const CHILD = fileURLToPath(new URL("../child.js", import.meta.url));
/** No cell takes nearly as long. */
const PATIENCE_MS = 90_000;
/** So many characters of what it said last, to be shown if it ends before its time. */
const KEPT_OUTPUT = 4_000;

interface Answers {
  readonly describe: Description;
  readonly noops: Timing;
  readonly burn: Timing;
  readonly http: Timing;
  readonly memory: Bytes;
  readonly start: Starts;
}

export class Peer {
  readonly #child: ChildProcess;
  #said = "";

  constructor(name: string) {
    // No Node options: those of this process would bring tsx into all its threads.
    this.#child = fork(CHILD, [name], { execArgv: [], stdio: ["ignore", "pipe", "pipe", "ipc"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (text: Buffer) => {
        this.#said = (this.#said + text.toString()).slice(-KEPT_OUTPUT);
      });
    }
  }

  /** `onListening` is told the port, before the answer comes. */
  ask<R extends Request>(request: R, onListening?: (port: number) => void): Promise<Answers[R["op"]]> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        child.off("message", onMessage).off("exit", onExit);
      };
      const failed = (reason: string): void => {
        stop();
        reject(new Error(`${request.op}: ${reason}`));
      };
      const onExit = (code: number | null): void => failed(`the process ended with ${code}. ${this.#said}`);
      const onMessage = (reply: Reply): void => {
        if ("listening" in reply) return onListening?.(reply.listening);
        if ("error" in reply) return failed(reply.error);
        stop();
        // It answers what it was asked.
        resolve(reply.answer as Answers[R["op"]]);
      };
      const timer = setTimeout(() => failed(`no answer within ${PATIENCE_MS / 1_000} s. ${this.#said}`), PATIENCE_MS);
      if (child.exitCode !== null) return onExit(child.exitCode);
      child.on("message", onMessage).on("exit", onExit);
      child.send(request);
    });
  }

  /** At once: nothing in it is worth waiting for. */
  async end(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    await new Promise((resolve) => {
      child.once("exit", resolve);
      child.kill("SIGKILL");
    });
  }
}
