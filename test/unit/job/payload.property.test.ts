import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { PayloadError } from "../../../src/errors.js";
import { decode, encode, type EncodeOptions } from "../../../src/job/payload.js";
import { difference } from "./payload-equal.js";

const OPTIONS: EncodeOptions = { root: "payload", maxBytes: 64 * 1024 * 1024 };

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 300 }),
  fc.string({ maxLength: 70 }).map((rest) => `\uFEFF${rest}`),
);
const key = fc.oneof({ weight: 4, arbitrary: text }, { weight: 1, arbitrary: fc.constantFrom("__proto__", "__proto_", "constructor", "toString", "length", "toJSON", "") });
const number = fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger(), fc.constantFrom(-0, NaN, Infinity, -Infinity));
const views = [
  ...[fc.int8Array(), fc.uint8Array(), fc.uint8ClampedArray(), fc.int16Array(), fc.uint16Array(), fc.int32Array()],
  ...[fc.uint32Array(), fc.float32Array(), fc.float64Array(), fc.bigInt64Array(), fc.bigUint64Array()],
];
const leaf = fc.oneof(
  ...[text, number, fc.bigInt(), fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }), fc.boolean(), fc.constantFrom(null, undefined)],
  ...[fc.date({ noInvalidDate: false }), fc.constantFrom(/a/g, /[\w/]+\s/imsu, new RegExp("(?:)", "y")), ...views],
  ...[fc.uint8Array().map((bytes) => bytes.slice().buffer), fc.uint8Array().map((bytes) => new DataView(bytes.slice().buffer))],
);

/** With `defineProperty`, so that `__proto__` is a key like any other. */
function toObject(entries: readonly (readonly [string, unknown])[]): object {
  const result = {};
  for (const [name, value] of entries) Object.defineProperty(result, name, { value, enumerable: true, configurable: true, writable: true });
  return result;
}

const errorProps = fc.array(fc.tuple(key.filter((name) => !["name", "message", "stack", "cause", "errors"].includes(name)), leaf), { maxLength: 3 });

function toError([Class, message, cause, props]: [new (message: string, options: object) => Error, string, unknown, readonly (readonly [string, unknown])[]]): Error {
  return Object.defineProperties(new Class(message, { cause }), Object.getOwnPropertyDescriptors(toObject(props)));
}

const { value: anyValue } = fc.letrec((tie) => {
  const inner = tie("value");
  return {
    value: fc.oneof(
      { maxDepth: 5, depthSize: "small" },
      { weight: 4, arbitrary: leaf },
      { weight: 2, arbitrary: fc.array(inner, { maxLength: 6 }) },
      { weight: 2, arbitrary: fc.array(fc.tuple(key, inner), { maxLength: 6 }).map(toObject) },
      { weight: 1, arbitrary: fc.array(fc.tuple(inner, inner), { maxLength: 4 }).map((entries) => new Map(entries)) },
      { weight: 1, arbitrary: fc.array(inner, { maxLength: 4 }).map((items) => new Set(items)) },
      { weight: 1, arbitrary: fc.tuple(fc.constantFrom(Error, TypeError, RangeError, SyntaxError), text, inner, errorProps).map(toError) },
      { weight: 1, arbitrary: fc.tuple(fc.array(inner, { maxLength: 3 }), text).map(([errors, message]) => new AggregateError(errors, message)) },
    ),
  };
});

describe("any value", () => {
  it("arrives as it was", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(difference(decode(encode(value, OPTIONS)), value)).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });

  it("owns exactly its bytes, needs just as many, and can lie among others", () => {
    fc.assert(
      fc.property(anyValue, fc.uint8Array({ maxLength: 20 }), (value, around) => {
        const { bytes } = encode(value, OPTIONS);
        expect(bytes.buffer.byteLength).toBe(bytes.byteLength);
        expect(encode(value, { root: "payload", maxBytes: bytes.byteLength }).bytes).toEqual(bytes);
        expect(() => encode(value, { root: "payload", maxBytes: bytes.byteLength - 1 })).toThrow(PayloadError);
        const frame = new Uint8Array([...around, ...bytes, ...around]);
        const part = frame.subarray(around.length, around.length + bytes.length);
        expect(difference(decode({ bytes: part, attachments: [] }), value)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});

/** One container around a value, and how its path goes on. */
interface Wrap {
  readonly around: (inner: unknown) => unknown;
  readonly segment: string;
}

function member(name: string): string {
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

const shortKey = fc.oneof(fc.string({ unit: "grapheme", maxLength: 12 }), fc.constantFrom("a", "a b", "__proto__", "constructor", "0"));
const siblings = fc.array(anyValue, { maxLength: 3 });

const wrap: fc.Arbitrary<Wrap> = fc.oneof(
  fc.tuple(siblings, siblings).map(([before, after]) => ({ around: (inner: unknown) => [...before, inner, ...after], segment: `[${before.length}]` })),
  fc.tuple(fc.array(fc.tuple(key, anyValue), { maxLength: 3 }), shortKey).map(([others, name]) => ({
    around: (inner: unknown) => toObject([...others.filter(([other]) => other !== name), [name, inner] as const]),
    segment: member(name),
  })),
  fc.tuple(siblings, shortKey).map(([others, name]) => ({
    around: (inner: unknown) => new Map<unknown, unknown>([...others.map((other, index) => [{ index }, other] as const), [name, inner]]),
    segment: `.get(${JSON.stringify(name)})`,
  })),
  siblings.map((others) => ({
    around: (inner: unknown) => new Map<unknown, unknown>([...others.map((other, index) => [index, other] as const), [inner, 1]]),
    segment: `.keys()[${others.length}]`,
  })),
  siblings.map((others) => ({ around: (inner: unknown) => new Map([[others, inner]]), segment: ".values()[0]" })),
  siblings.map((others) => {
    const items = new Set(others);
    return { around: (inner: unknown) => new Set([...items, inner]), segment: `.values()[${items.size}]` };
  }),
  fc.constant({ around: (inner: unknown) => new Error("x", { cause: inner }), segment: ".cause" }),
  siblings.map((others) => ({ around: (inner: unknown) => new AggregateError([...others, inner]), segment: `.errors[${others.length}]` })),
  fc.constantFrom("status", "a-b").map((name) => ({ around: (inner: unknown) => Object.assign(new Error("x"), { [name]: inner }), segment: member(name) })),
);

class Thing {
  x = 1;
}

const forbidden = fc.constantFrom<() => unknown>(
  ...[() => () => 1, () => Symbol("s"), () => new Thing(), () => new URL("http://localhost"), () => Promise.resolve(), () => new WeakMap()],
  ...[() => new SharedArrayBuffer(1), () => new Uint8Array(new SharedArrayBuffer(1)), () => "\ud800", () => "abc\udc00", () => Object(1) as unknown],
);

describe("one forbidden value somewhere", () => {
  it("is named by the path", () => {
    fc.assert(
      fc.property(fc.array(wrap, { maxLength: 6 }), forbidden, (wraps, make) => {
        const value = wraps.reduceRight((inner, { around }) => around(inner), make());
        const path = `result${wraps.map(({ segment }) => segment).join("")}`;
        expect(() => encode(value, { root: "result", maxBytes: 1e9 })).toThrow(expect.objectContaining({ path }) as Error);
        expect(() => encode(value, { root: "result", maxBytes: 1e9 })).toThrow(PayloadError);
      }),
      { numRuns: 1000 },
    );
  });
});

function onlyPayloadErrors(bytes: Uint8Array): void {
  try {
    decode({ bytes, attachments: [new ArrayBuffer(8)] });
  } catch (error) {
    expect(error).toBeInstanceOf(PayloadError);
    expect((error as Error).message).toMatch(/^payload cannot be read: (its bytes are damaged|this version does not know the format \d+|there are no bytes)$/);
  }
}

describe("damaged bytes", () => {
  it("throw nothing but PayloadError and change nothing outside", () => {
    const before = Reflect.ownKeys(Object.prototype).length;
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255), kind: fc.constantFrom("set", "insert", "remove", "cut") });
    fc.assert(
      fc.property(anyValue, fc.array(change, { minLength: 1, maxLength: 5 }), (value, changes) => {
        const bytes = [...encode(value, OPTIONS).bytes];
        for (const { at, byte, kind } of changes) {
          const index = 1 + (at % bytes.length);
          if (kind === "cut") bytes.length = Math.min(bytes.length, index);
          else bytes.splice(index, kind === "insert" ? 0 : 1, ...(kind === "remove" ? [] : [byte]));
        }
        onlyPayloadErrors(Uint8Array.from(bytes));
      }),
      { numRuns: 1500 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => onlyPayloadErrors(Uint8Array.of(1, ...bytes))), { numRuns: 1500 });
    expect(Reflect.ownKeys(Object.prototype)).toHaveLength(before);
    expect(decode(encode({ still: ["fine", -0] }, OPTIONS))).toEqual({ still: ["fine", -0] });
  });
});
