import { types } from "node:util";

import { isErrorField } from "../protocol/wire-error.js";
import { BOX, Box, NEGATIVE_ZERO, setMember, TEXT_PREFIX } from "./payload-box.js";
import { checkBinary, isBuiltin, nameOf } from "./payload-kinds.js";
import { listSegment, mapSegment, memberSegment, Refusal } from "./payload-path.js";

/** How deep containers may nest. It also keeps msgpackr, which recurses, far from the end of the stack. */
const MAX_DEPTH = 200;

/** A buffer that travels beside the bytes. */
export interface MovedBuffer {
  /** Its place among the attachments. */
  readonly index: number;
  /** Whether the value refers to it; set by the walk. */
  found: boolean;
}

export interface CheckOptions {
  readonly maxBytes: number;
  /** Bytes that are known to come on top. */
  readonly reserved: number;
  /** The buffers to move. */
  readonly transfer: ReadonlyMap<ArrayBuffer, MovedBuffer> | undefined;
}

/**
 * Walks a value before it is packed and refuses, by throwing a `Refusal`, what would not arrive as it was.
 *
 * What msgpackr does not carry exactly is replaced by a `Box`. Objects are copied, and so is whatever else contains a copy or a
 * Box; everything else is handed to msgpackr as it is. Members of objects are read once, so that getters and Proxies
 * cannot show one value to this check and another to msgpackr.
 */
export class PayloadCheck {
  readonly #maxBytes: number;
  readonly #transfer: CheckOptions["transfer"];
  readonly #ancestors: object[] = [];
  /** A lower bound of the packed size, so that what is much too big is refused before any memory is spent on it. */
  #size: number;

  constructor(options: CheckOptions) {
    this.#maxBytes = options.maxBytes;
    this.#transfer = options.transfer;
    this.#size = options.reserved;
  }

  /** What to pack instead of `value`; mostly `value` itself. */
  check(value: unknown): unknown {
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        this.#grow(1);
        return value === 0 && 1 / value < 0 ? NEGATIVE_ZERO : value;
      case "bigint":
        this.#grow(BigInt.asIntN(64, value) === value ? 9 : value.toString(16).length >> 1);
        return value;
      case "object":
        this.#grow(1);
        return value === null ? value : this.#nested(value);
      case "undefined":
      case "boolean":
        this.#grow(1);
        return value;
      default:
        throw new Refusal(`it is a ${typeof value}`);
    }
  }

  #grow(bytes: number): void {
    this.#size += bytes;
    if (this.#size > this.#maxBytes) {
      throw Refusal.ofRoot(`it needs at least ${this.#size} bytes, and the limit is ${this.#maxBytes}`);
    }
  }

  #text(text: string): unknown {
    this.#grow(text.length + 1);
    if (!text.isWellFormed()) throw new Refusal("it contains a lone surrogate, which UTF-8 cannot express");
    return startsWithMark(text) ? new Box([BOX.text, TEXT_PREFIX + text]) : text;
  }

  #nested(value: object): unknown {
    const ancestors = this.#ancestors;
    // Few containers nest deeply, so looking at each ancestor is cheaper than a Set.
    for (const ancestor of ancestors) {
      if (ancestor === value) throw new Refusal("it is a cycle: it refers back to a value that contains it");
    }
    if (ancestors.length >= MAX_DEPTH) throw new Refusal(`it is nested more than ${MAX_DEPTH} levels deep`);
    ancestors.push(value);
    const result = this.#container(value);
    ancestors.pop();
    return result;
  }

  #container(value: object): unknown {
    if (Array.isArray(value)) return this.#array(value);
    if (isPlain(Object.getPrototypeOf(value) as object | null)) return this.#object(value as Record<string, unknown>);
    if (types.isDate(value) && isBuiltin(value, Date.prototype)) return ownDate(value);
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return this.#binary(value);
    if (types.isMap(value) && isBuiltin(value, Map.prototype)) return this.#map(value);
    if (types.isSet(value) && isBuiltin(value, Set.prototype)) return this.#set(value);
    if (types.isRegExp(value) && isBuiltin(value, RegExp.prototype)) {
      return new Box([BOX.regexp, this.#text(value.source), value.flags]);
    }
    if (types.isNativeError(value) || value instanceof Error) return this.#error(value);
    throw new Refusal(`it is ${nameOf(value)}; send its data as a plain object`);
  }

  #object(source: Readonly<Record<string, unknown>>): unknown {
    const symbols = Object.getOwnPropertySymbols(source);
    if (symbols[0] !== undefined) throw new Refusal("its key is a symbol", { segment: memberSegment(symbols[0]) });
    // Always a copy: so each member is read once, and looking first whether there are getters or a Proxy costs more.
    const copy: Record<string, unknown> = {};
    let needsBox = false;
    let key = "";
    try {
      for (key of Object.keys(source)) {
        if (this.#key(key)) needsBox = true;
        const checked = this.check(source[key]);
        if (key === "__proto__") setMember(copy, key, checked);
        else copy[key] = checked;
      }
    } catch (problem) {
      throw Refusal.within(problem, memberSegment(key));
    }
    return needsBox ? new Box([BOX.object, ...boxedEntries(copy)]) : copy;
  }

  /** Whether msgpackr would not give this key back. */
  #key(key: string): boolean {
    this.#grow(key.length + 1);
    if (!key.isWellFormed()) throw new Refusal("its key contains a lone surrogate, which UTF-8 cannot express");
    return key === "__proto__" || startsWithMark(key);
  }

  #array(source: readonly unknown[]): unknown {
    if (!isBuiltin(source, Array.prototype)) throw new Refusal(`it is ${nameOf(source)}; send a plain array`);
    const { length } = source;
    // Not counted twice: the elements are counted as they come.
    if (length > this.#maxBytes) this.#grow(length);
    let copy: unknown[] | undefined = types.isProxy(source) ? [] : undefined;
    let index = 0;
    try {
      for (; index < length; index += 1) {
        const value = source[index];
        if (value === undefined && !Object.hasOwn(source, index)) throw new Refusal("it is a hole in the array");
        const checked = this.check(value);
        if (!Object.is(checked, value)) copy ??= source.slice(0, index);
        if (copy !== undefined) copy[index] = checked;
      }
    } catch (problem) {
      throw Refusal.within(problem, `[${index}]`);
    }
    return copy ?? source;
  }

  #set(source: ReadonlySet<unknown>): unknown {
    const items: unknown[] = [];
    let changed = !(source instanceof Set);
    try {
      for (const value of source) {
        const checked = this.check(value);
        changed ||= !Object.is(checked, value);
        items.push(checked);
      }
    } catch (problem) {
      throw Refusal.within(problem, listSegment("values", items.length));
    }
    return changed ? new Set(items) : source;
  }

  #map(source: ReadonlyMap<unknown, unknown>): Box {
    const content: unknown[] = [BOX.map];
    let index = 0;
    let segment = "";
    try {
      for (const [key, value] of source) {
        segment = listSegment("keys", index);
        content.push(this.check(key));
        segment = mapSegment(key, index);
        content.push(this.check(value));
        index += 1;
      }
    } catch (problem) {
      throw Refusal.within(problem, segment);
    }
    return new Box(content);
  }

  #error(source: object): Box {
    const content: unknown[] = [BOX.error];
    let key = "";
    const read = (name: string): unknown => Reflect.get(source, (key = name)) as unknown;
    try {
      content.push(this.#errorText(read("name")), this.#errorText(read("message")));
      const stack = read("stack");
      content.push(typeof stack === "string" ? this.#text(stack) : null);
      content.push("cause" in source ? [this.check(read("cause"))] : []);
      const errors = read("errors");
      content.push(Array.isArray(errors) ? this.check(errors) : null);
      const keys = Object.keys(source);
      // A DOMException, for instance, has its code on the prototype.
      if (!keys.includes("code") && read("code") !== undefined) keys.unshift("code");
      for (key of keys) {
        if (isErrorField(key, errors)) continue;
        this.#key(key);
        content.push(this.#text(key), this.check(read(key)));
      }
    } catch (problem) {
      throw Refusal.within(problem, memberSegment(key));
    }
    return new Box(content);
  }

  #errorText(text: unknown): unknown {
    if (typeof text !== "string") throw new Refusal("it belongs to an error and is no string");
    return this.#text(text);
  }

  #binary(source: ArrayBufferView | ArrayBufferLike): unknown {
    const binary = checkBinary(source);
    const moved = this.#transfer?.get(binary.buffer);
    if (moved !== undefined) {
      moved.found = true;
      return new Box([BOX.attachment, binary.kind, moved.index, binary.byteOffset, binary.length]);
    }
    this.#grow(source.byteLength);
    if (binary.native) return source;
    return new Box([BOX.binary, binary.kind, new Uint8Array(binary.buffer, binary.byteOffset, source.byteLength)]);
  }
}

/** A byte order mark: see `BOX.text`. */
function startsWithMark(text: string): boolean {
  return text.charCodeAt(0) === 0xfeff;
}

/** Also the plain objects of another realm, such as a `vm` context. */
function isPlain(prototype: object | null): boolean {
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}

function boxedEntries(source: Readonly<Record<string, unknown>>): unknown[] {
  return Object.keys(source).flatMap((key) => [startsWithMark(key) ? new Box([BOX.text, TEXT_PREFIX + key]) : key, source[key]]);
}

function ownDate(source: Date): Date {
  return source instanceof Date ? source : new Date(Date.prototype.getTime.call(source));
}
