/**
 * Bytes at rest, or on their way to a thread. A small `Uint8Array` takes 230 bytes beside what is in it, is three objects for the garbage
 * collector, and takes long to copy; a string with a character for each byte takes 16, and is one.
 */

export type PackedBytes = string | Uint8Array;

/** Of longer ones the object around them does not count, and copying them would. */
const MOST_IN_STRING = 256;

export function packBytes(bytes: Uint8Array): PackedBytes {
  if (bytes.byteLength <= MOST_IN_STRING) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  // A part of a larger buffer would keep all of it in memory.
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

export function unpackBytes(packed: PackedBytes): Uint8Array {
  return typeof packed === "string" ? fill(new Uint8Array(packed.length), packed) : packed;
}

/** Unpacks what is used together and not for long: it lies in one buffer, since making one costs more than filling it. */
export function unpacker(all: readonly PackedBytes[]): (packed: PackedBytes) => Uint8Array {
  let size = 0;
  for (const packed of all) if (typeof packed === "string") size += packed.length;
  const buffer = new ArrayBuffer(size);
  let end = 0;
  return (packed) => {
    if (typeof packed !== "string") return packed;
    const start = end;
    end += packed.length;
    return fill(new Uint8Array(buffer, start, packed.length), packed);
  };
}

function fill(bytes: Uint8Array, from: string): Uint8Array {
  for (let index = 0; index < from.length; index += 1) bytes[index] = from.charCodeAt(index);
  return bytes;
}

/** How many there are. */
export function sizeOf(packed: PackedBytes): number {
  return packed.length;
}
