/** One unfinished job, seen from those who await it. */

import { type JobIdentity, PayloadLostError } from "../errors.js";
import { packBytes, type PackedBytes, unpackBytes } from "../job/packed-bytes.js";
import { decode, type Encoded } from "../job/payload.js";

/** How a job ended, as it is told to whoever awaits it. */
export type Ending =
  | {
      readonly kind: "completed";
      readonly result: Encoded;
      /** Whose result it is, if that was moved and so exists only once. */
      readonly moved: JobIdentity | null;
    }
  /** The same, told already. */
  | { readonly kind: "kept"; readonly result: PackedBytes }
  | { readonly kind: "failed"; readonly error: Error };

export interface Waiter {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Keeps in memory what would go when nobody refers to it. */
export interface Keeper {
  hold(): void;
  release(): void;
}

/** Ends once. Settled before anyone awaits it, it keeps the ending. */
export class Awaited {
  #ending: Ending | undefined;
  // A million jobs may be awaited, each by one: only the second makes a list.
  #first: Waiter | undefined;
  #others: Waiter[] | undefined;
  /** Whoever refers to this refers to it, too, until the end. */
  #keeper: Keeper | undefined;
  /** How many have opened it. */
  holders = 0;
  /** The process is kept alive until it ends. */
  isHeld = false;

  constructor(keeper?: Keeper) {
    this.#keeper = keeper;
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  /**
   * The result. One that was moved goes to the first who asks, and is not kept.
   *
   * @throws the error of a job that failed
   */
  take(): unknown {
    const ending = this.#ending;
    if (ending === undefined) throw new TypeError("it has not ended");
    if (ending.kind === "failed") throw ending.error;
    if (ending.kind === "kept") return decode({ bytes: unpackBytes(ending.result), attachments: [] }, "result");
    if (ending.moved !== null) this.#ending = { kind: "failed", error: movedError(ending.moved) };
    return decode(ending.result, "result");
  }

  settle(ending: Ending): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    const [first, others, keeper] = [this.#first, this.#others, this.#keeper];
    this.#first = this.#others = this.#keeper = undefined;
    if (first !== undefined || others !== undefined) keeper?.release();
    if (first !== undefined) this.#tell(first);
    for (const other of others ?? []) this.#tell(other);
    this.#pack();
  }

  /** Calls one of the two when it ends. Who waits first is told first. @returns what ends the wait */
  wait(waiter: Waiter): () => void {
    if (this.#ending !== undefined) {
      this.#tell(waiter);
    } else if (this.#first !== undefined || this.#others !== undefined) {
      (this.#others ??= []).push(waiter);
    } else {
      this.#first = waiter;
      // Whoever waits need not refer to anything but a promise.
      this.#keeper?.hold();
    }
    return () => this.#leave(waiter);
  }

  #leave(waiter: Waiter): void {
    if (this.#first === undefined && this.#others === undefined) return;
    if (this.#first === waiter) this.#first = undefined;
    const others = this.#others?.filter((other) => other !== waiter);
    this.#others = others?.length === 0 ? undefined : others;
    if (this.#first === undefined && this.#others === undefined) this.#keeper?.release();
  }

  #tell({ resolve, reject }: Waiter): void {
    let result: unknown;
    try {
      result = this.take();
    } catch (error) {
      return reject(error);
    }
    resolve(result);
  }

  /** Bytes that lie among those of others would keep all of them in memory, for whoever keeps a handle. */
  #pack(): void {
    if (this.#ending?.kind !== "completed" || this.#ending.moved !== null) return;
    this.#ending = { kind: "kept", result: packBytes(this.#ending.result.bytes) };
  }
}

export function movedError(job: JobIdentity): PayloadLostError {
  return new PayloadLostError(`the result of job "${job.name}" (${job.id}) was moved to whoever awaited it first`, job);
}
