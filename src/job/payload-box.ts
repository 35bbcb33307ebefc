import { buildError } from "../protocol/wire-error.js";

/**
 * Stands in the packed value for something that MessagePack, or msgpackr's way of it, does not carry exactly. It is
 * packed as an extension whose body is the array `content`; its first element says which of `BOX` it is.
 */
export class Box {
  readonly content: readonly unknown[];

  constructor(content: readonly unknown[]) {
    this.content = content;
  }
}

/** Stored with every payload: numbers are never reused, new ones need no new format byte. */
export const BOX = {
  negativeZero: 0,
  /** `[text]`, with one character in front: msgpackr may lose a byte order mark at the start of a string. */
  text: 1,
  /** `[key, value, key, value, …]`, for keys that msgpackr renames (`__proto__`) or cannot read back. */
  object: 2,
  /** `[key, value, key, value, …]` */
  map: 3,
  /** `[source, flags]` */
  regexp: 4,
  /** `[name, message, stack or null, [] or [cause], null or errors, key, value, …]` */
  error: 5,
  /** `[kind, bytes]` */
  binary: 6,
  /** `[kind, index, byte offset, length]`: a view on, or the whole of, a buffer that travels by transfer. */
  attachment: 7,
} as const;

export const NEGATIVE_ZERO: Box = new Box([BOX.negativeZero]);

export const TEXT_PREFIX = ".";

/** Assignment to `__proto__` would set the prototype instead of a member. */
export function setMember(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") target[key] = value;
  else Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
}

/** What a box stands for. Throws anything for content that `Box` was never given. */
export function openBox(content: unknown, attachments: readonly ArrayBuffer[]): unknown {
  const parts = asArray(content);
  switch (parts[0]) {
    case BOX.negativeZero:
      return -0;
    case BOX.text:
      return asText(parts[1]).slice(TEXT_PREFIX.length);
    case BOX.object: {
      const object: Record<string, unknown> = {};
      for (const [key, value] of pairs(parts, 1)) setMember(object, asText(key), value);
      return object;
    }
    case BOX.map:
      return new Map(pairs(parts, 1));
    case BOX.regexp:
      return new RegExp(asText(parts[1]), asText(parts[2]));
    case BOX.error:
      return openError(parts);
    case BOX.binary: {
      const bytes = parts[2];
      if (!(bytes instanceof Uint8Array)) throw new DamagedError();
      // The unpacked bytes are a copy that nobody else has, so their buffer is taken over.
      return makeBinary(asText(parts[1]), { buffer: bytes.buffer as ArrayBuffer });
    }
    case BOX.attachment: {
      const [, kind, index, byteOffset, length] = parts;
      const buffer = attachments[asCount(index)];
      if (buffer === undefined) throw new DamagedError();
      return makeBinary(asText(kind), { buffer, byteOffset: asCount(byteOffset), length: asCount(length) });
    }
    default:
      throw new DamagedError();
  }
}

function openError(parts: readonly unknown[]): Error {
  const [, name, message, stack, cause, errors] = parts;
  const causes = asArray(cause);
  return buildError({
    name: asText(name),
    message: asText(message),
    stack: stack === null ? null : asText(stack),
    ...(causes.length === 0 ? undefined : { cause: causes[0] }),
    ...(errors === null ? undefined : { errors: asArray(errors) }),
    props: Array.from(pairs(parts, 6), ([key, value]) => [asText(key), value]),
  });
}

interface BinaryParts {
  readonly buffer: ArrayBuffer;
  readonly byteOffset?: number;
  /** In elements, as the constructors want it. */
  readonly length?: number;
}

type ViewConstructor = new (buffer: ArrayBuffer, byteOffset?: number, length?: number) => ArrayBufferView;

/** Looked up by name because not every Node has each of them. */
const VIEWS: ReadonlyMap<string, ViewConstructor> = new Map(
  [
    ...["Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array"],
    ...["Float16Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array", "DataView"],
  ].flatMap((name) => {
    const view: unknown = Reflect.get(globalThis, name);
    return typeof view === "function" ? [[name, view as ViewConstructor] as const] : [];
  }),
);

function makeBinary(kind: string, { buffer, byteOffset, length }: BinaryParts): ArrayBufferView | ArrayBuffer {
  if (kind === "ArrayBuffer") return buffer;
  const View = VIEWS.get(kind);
  if (View === undefined) throw new DamagedError();
  return new View(buffer, byteOffset, length);
}

class DamagedError extends Error {}

function asArray(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new DamagedError();
  return value;
}

function asText(value: unknown): string {
  if (typeof value !== "string") throw new DamagedError();
  return value;
}

function asCount(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new DamagedError();
  return value;
}

/** Lazy, because a Map or an object can be large. */
function* pairs(flat: readonly unknown[], start: number): Generator<readonly [unknown, unknown]> {
  if ((flat.length - start) % 2 !== 0) throw new DamagedError();
  for (let index = start; index < flat.length; index += 2) yield [flat[index], flat[index + 1]];
}
