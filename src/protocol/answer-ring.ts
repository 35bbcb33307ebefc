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

const NO_ANSWERS: readonly RingAnswer[] = Object.freeze([]);

export interface RingAnswer {
  readonly slot: number;
  readonly tookMs: number;
  /** Does not change any more. Its buffer may hold others beside it. */
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

  /** All that was not read yet. They are copied at once, and so share one buffer. */
  read(): readonly RingAnswer[] {
    const read = this.#load(READ);
    const written = this.#load(WRITTEN);
    if (read === written) return NO_ANSWERS;
    const words = this.#copy(read, (written - read) | 0);
    // Whoever is told of them may look here again.
    Atomics.store(this.#head, READ, written);
    return parse(words, read & (WORDS - 1));
  }

  #copy(from: number, count: number): Uint8Array {
    const words = new Uint8Array(count * 8);
    const start = from & (WORDS - 1);
    const toEnd = Math.min(count, WORDS - start);
    words.set(this.#bytes.subarray(start * 8, (start + toEnd) * 8));
    if (toEnd < count) words.set(this.#bytes.subarray(0, (count - toEnd) * 8), toEnd * 8);
    return words;
  }

  #load(index: number): number {
    return Atomics.load(this.#head, index);
  }
}

/** @param start where in the ring the first word was */
function parse(words: Uint8Array, start: number): readonly RingAnswer[] {
  const ints = new Int32Array(words.buffer);
  const floats = new Float64Array(words.buffer);
  const answers: RingAnswer[] = [];
  for (let word = 0; word < floats.length; ) {
    const slot = ints[word * 2] ?? SKIP;
    if (slot === SKIP) {
      word = WORDS - start;
      continue;
    }
    const length = ints[word * 2 + 1] ?? 0;
    const at = (word + HEADER_WORDS) * 8;
    answers.push({ slot, tookMs: floats[word + 1] ?? 0, result: words.subarray(at, at + length) });
    word += HEADER_WORDS + Math.ceil(length / 8);
  }
  return answers;
}
