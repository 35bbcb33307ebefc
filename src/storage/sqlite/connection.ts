import { Worker } from "node:worker_threads";
import { StorageError } from "../../errors.js";
import type { StorageChange } from "../storage.js";
import type { Answer, Former, FromStore, StoreOptions, ToStore } from "./calls.js";

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: StorageError) => void;
}

export interface ConnectionOptions {
  readonly store: StoreOptions;
  /** For messages. */
  readonly name: string;
  readonly former: Former;
  readonly onChanges: (changes: readonly StorageChange[]) => void;
}

/** The main side of one thread of the storage. Its life is that of the open file: it opens it first of all, and ends if it cannot. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastCall = 0;
  #isClosing = false;
  /** Why nothing can be sent any more. */
  #over: StorageError | undefined;
  #told: number | null;
  /** Rejects with a `StorageError`. */
  readonly opened: Promise<void>;
  /** The thread is gone, and has let go of the file. */
  readonly ended: Promise<void>;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#told = options.former.told;
    this.#worker = new Worker(new URL("./storage-thread.js", import.meta.url), { workerData: options.store, name: "millrace storage" });
    this.#worker.unref();
    this.#worker.on("message", (message: FromStore) => this.#receive(message));
    this.ended = new Promise((resolve) => {
      let failure: unknown;
      this.#worker.on("error", (error) => (failure = error));
      this.#worker.on("exit", (code) => {
        this.#end(new StorageError(`${options.name}: its thread has ended. Whether a write took effect is not known; the next call starts another thread`, { cause: failure ?? new Error(`it exited with code ${code}`) }));
        resolve();
      });
    });
    this.opened = new Promise((resolve, reject) => {
      // At once: the thread may have exited as well by now, and those who wait shall hear why.
      const fail = (error: StorageError): void => {
        this.#end(error);
        reject(error);
      };
      this.#post("open", [options.former], { resolve: () => resolve(), reject: fail });
    });
    // Whoever calls is told.
    this.opened.catch(() => undefined);
  }

  /** For the thread after this one. */
  get told(): number | null {
    return this.#told;
  }

  /** It takes no calls any more. */
  get isOver(): boolean {
    return this.#over !== undefined;
  }

  send(verb: ToStore["verb"], args: readonly unknown[]): Promise<unknown> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    return new Promise((resolve, reject) => this.#post(verb, args, { resolve, reject }));
  }

  #post(verb: ToStore["verb"], args: readonly unknown[], waiting: Waiting): void {
    this.#lastCall += 1;
    const id = this.#lastCall;
    try {
      this.#worker.postMessage({ id, verb, args });
    } catch (cause) {
      return waiting.reject(new StorageError(`${this.#options.name}: ${verb} was given what cannot be sent to a thread: ${(cause as Error).message}`, { cause }));
    }
    // Only calls that are under way keep the process alive.
    if (this.#waiting.size === 0) this.#worker.ref();
    this.#waiting.set(id, waiting);
  }

  /** Resolves when the thread is gone; the process stays alive until then. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.send("close", []);
    await this.ended;
  }

  /** Whoever was told of the end of a call finds listeners told of what it changed. */
  #receive({ changes, answers, told }: FromStore): void {
    this.#told = told ?? this.#told;
    this.#options.onChanges(changes);
    for (const answer of answers) this.#settle(answer);
    if (this.#waiting.size === 0 && !this.#isClosing) this.#worker.unref();
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ("error" in answer) waiting?.reject(new StorageError(answer.error.message, { cause: answer.error.cause }));
    else waiting?.resolve(answer.value);
  }

  #end(why: StorageError): void {
    this.#over ??= why;
    const left = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of left) reject(this.#over);
    this.#worker.unref();
  }
}
