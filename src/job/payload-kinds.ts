import { types } from "node:util";

import { Refusal } from "./payload-path.js";

/** Whether a value is no subclass of a built-in, but it may be the built-in of another realm, such as a `vm` context. */
export function isBuiltin(value: object, prototype: object): boolean {
  const own = Object.getPrototypeOf(value) as object | null;
  if (own === prototype) return true;
  if (own === null || chainLength(own) !== chainLength(prototype)) return false;
  return classNameOf(own) === classNameOf(prototype);
}

/** What a value is called when it is refused. */
export function nameOf(value: object): string {
  if (types.isProxy(value)) return "a Proxy";
  const prototype = Object.getPrototypeOf(value) as object | null;
  const name = prototype === null ? undefined : classNameOf(prototype);
  return name === undefined || name === "Object" ? "an object with a prototype of its own" : `an instance of ${name}`;
}

function classNameOf(prototype: object): string | undefined {
  const { constructor } = prototype as { readonly constructor?: unknown };
  return typeof constructor === "function" && constructor.name !== "" ? constructor.name.slice(0, 100).toWellFormed() : undefined;
}

function chainLength(prototype: object): number {
  let length = 0;
  for (let link: object | null = prototype; link !== null; link = Object.getPrototypeOf(link) as object | null) length += 1;
  return length;
}

export interface Binary {
  /** `"ArrayBuffer"`, `"DataView"` or the name of a typed array. */
  readonly kind: string;
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
  /** In elements. */
  readonly length: number;
  /** Whether msgpackr carries this kind by itself. */
  readonly native: boolean;
}

/** Those that msgpackr knows, of this realm. `Float16Array`, for one, it would write and then not read back. */
const NATIVE: ReadonlyMap<object, string> = new Map([
  ...[
    ...[ArrayBuffer, DataView, Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array],
    ...[Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array],
  ].map((kind) => [kind.prototype as object, kind.name] as const),
  [Buffer.prototype as object, "Uint8Array"],
]);

/** What is in a buffer or a view on one; throws a `Refusal` for memory that cannot be read or moved for good. */
export function checkBinary(value: ArrayBufferView | ArrayBufferLike): Binary {
  const isView = ArrayBuffer.isView(value);
  const buffer = isView ? value.buffer : value;
  if (!types.isArrayBuffer(buffer)) throw new Refusal("it is shared memory (a SharedArrayBuffer)");
  if (isDetached(buffer)) throw new Refusal("its buffer is detached: it was moved away by an earlier transfer");
  const nativeKind = NATIVE.get(Object.getPrototypeOf(value) as object);
  const kind = nativeKind ?? foreignKind(value);
  const byteOffset = isView ? value.byteOffset : 0;
  const length = types.isTypedArray(value) ? value.length : value.byteLength;
  return { kind, buffer, byteOffset, length, native: nativeKind !== undefined };
}

function foreignKind(value: ArrayBufferView | ArrayBufferLike): string {
  const kind = types.isTypedArray(value) ? value[Symbol.toStringTag] : types.isDataView(value) ? "DataView" : "ArrayBuffer";
  const builtin: unknown = Reflect.get(globalThis, kind);
  if (typeof builtin === "function" && isBuiltin(value, builtin.prototype as object)) return kind;
  throw new Refusal(`it is ${nameOf(value)}; send a built-in binary type`);
}

/** Whether a buffer was moved away. `ArrayBuffer.prototype.detached` is not in Node 20, and one that is empty need not be detached. */
export function isDetached(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}
