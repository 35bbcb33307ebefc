/**
 * Answers of a thread to the main side, in shared memory: a ring of bytes with one writer, the thread, and one reader. An answer
 * that lies here can be read at any time, also while the thread is in a busy loop, and after it has died; so many short jobs can
 * be answered with one message, and none of them has to wait for it.
 *
 * An answer is its slot, how long the run took, and its result as bytes. What does not fit in here is sent as a message.
 */

/** How much lies here unread at most. */
const BYTES = 64 * 1_024;
/** Positions count words of 8 bytes, for ever; the ring is a power of two of them, so that they may wrap as integers do. */
const WORDS = BYTES / 8;
const HEADER_WORDS = 2;
/** A longer result gains nothing from being here. */
const MOST_RESULT_BYTES = 4 * 1_024;
/** In place of a slot: the rest of the ring is empty, what follows is at its start. */
const SKIP = -1;

const WRITTEN = 0;
const READ = 1;
const RUNG = 2;
/** Of the words above, and one to fill up. */
const HEAD_BYTES = 16;

export const ANSWER_RING_BYTES: number = HEAD_BYTES + BYTES;

export interface RingAnswer {
  readonly slot: number;
  readonly tookMs: number;
  /** Owns its buffer. */
  readonly result: Uint8Array;
}

export class AnswerRing {
  readonly #head: Int32Array;
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly #bytes: Uint8Array;

  /** @param at a multiple of 8 */
  constructor(buffer: SharedArrayBuffer, at: number) {
    this.#head = new Int32Array(buffer, at, HEAD_BYTES / 4);
    this.#ints = new Int32Array(buffer, at + HEAD_BYTES, WORDS * 2);
    this.#floats = new Float64Array(buffer, at + HEAD_BYTES, WORDS);
    this.#bytes = new Uint8Array(buffer, at + HEAD_BYTES, BYTES);
  }

  // The thread.

  /** False if there is no room for it now, or never. */
  write(slot: number, tookMs: number, result: Uint8Array): boolean {
    const length = result.byteLength;
    if (length > MOST_RESULT_BYTES) return false;
    const words = HEADER_WORDS + Math.ceil(length / 8);
    let written = this.#load(WRITTEN);
    const free = WORDS - ((written - this.#load(READ)) | 0);
    const atEnd = WORDS - (written & (WORDS - 1));
    const skipped = words > atEnd ? atEnd : 0;
    if (skipped + words > free) return false;
    if (skipped > 0) {
      this.#ints[(written & (WORDS - 1)) * 2] = SKIP;
      written += skipped;
    }
    const word = written & (WORDS - 1);
    this.#ints[word * 2] = slot;
    this.#ints[word * 2 + 1] = length;
    this.#floats[word + 1] = tookMs;
    this.#bytes.set(result, (word + HEADER_WORDS) * 8);
    // Last: from here on it can be read.
    Atomics.store(this.#head, WRITTEN, (written + words) | 0);
    return true;
  }

  /** Whether a message has to be sent, so that the main side looks: there is none on its way. */
  ring(): boolean {
    return Atomics.exchange(this.#head, RUNG, 1) === 0;
  }

  // The main side.

  /** To be called before reading: what is written from now on has to ring again. */
  hear(): void {
    Atomics.store(this.#head, RUNG, 0);
  }

  read(): RingAnswer | null {
    let read = this.#load(READ);
    if (read === this.#load(WRITTEN)) return null;
    if (this.#ints[(read & (WORDS - 1)) * 2] === SKIP) read += WORDS - (read & (WORDS - 1));
    const word = read & (WORDS - 1);
    const length = this.#ints[word * 2 + 1] ?? 0;
    const start = (word + HEADER_WORDS) * 8;
    const answer = { slot: this.#ints[word * 2] ?? 0, tookMs: this.#floats[word + 1] ?? 0, result: this.#bytes.slice(start, start + length) };
    Atomics.store(this.#head, READ, (read + HEADER_WORDS + Math.ceil(length / 8)) | 0);
    return answer;
  }

  #load(index: number): number {
    return Atomics.load(this.#head, index);
  }
}
