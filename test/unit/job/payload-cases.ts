import vm from "node:vm";

/** One row of the tables in docs/payloads.md; a test compares the first column with `row`. */
export interface AcceptedCase {
  readonly row: string;
  readonly values: readonly unknown[];
}

export interface ConvertedCase {
  readonly row: string;
  readonly from: () => unknown;
  readonly to: unknown;
}

export interface RejectedCase {
  readonly row: string;
  readonly value: () => unknown;
  /** Behind the root. */
  readonly path?: string;
  readonly reason: RegExp;
  readonly maxBytes?: number;
}

const error = Object.assign(new TypeError("no", { cause: { why: [-0, new Map([[1, "one"]])] } }), { code: "E_NO", info: { at: new Date(5) } });
const aggregate = new AggregateError([new RangeError("one"), "two", undefined], "many");
const renamed = new Error("renamed");
renamed.name = "CustomError";
const mongooseLike = Object.assign(new Error("fields"), { errors: { email: { kind: "required" } } });
const withoutStack = new Error("stackless");
delete (withoutStack as { stack?: string }).stack;

const bytes = Uint8Array.from({ length: 32 }, (_, index) => index * 9).buffer;
const float16 = Reflect.get(globalThis, "Float16Array") as (new (list: number[]) => ArrayBufferView) | undefined;

export const EXACT: readonly AcceptedCase[] = [
  { row: "null, true, false", values: [null, true, false, [null, [true]]] },
  {
    row: "number",
    values: [
      ...[0, -0, 1, -1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -32, -33, -128, -129],
      ...[-(2 ** 31), -(2 ** 31) - 1, 2 ** 53, -(2 ** 53), 1e21, 0.1, 5e-324, Number.MAX_VALUE, NaN, Infinity, -Infinity],
      [-0, 0, [-0]],
      { z: -0, deeper: { z: -0 } },
    ],
  },
  {
    row: "string",
    values: [
      ...["", "a", "\0", "é☃😀", "\uFEFF", "\uFFFD", "__proto__", "x".repeat(31), "x".repeat(32), "ü".repeat(127)],
      ...["x".repeat(255), "x".repeat(256), "☃".repeat(70_000)],
      // The decoder of the platform drops a byte order mark; files that were read whole begin with one.
      ...["\uFEFFid,name", `\uFEFF${"é".repeat(100)}`, `\uFEFF\uFEFF${"a".repeat(100)}`],
      { [`\uFEFF${"k".repeat(100)}`]: `\uFEFF${"v".repeat(100)}` },
    ],
  },
  {
    row: "bigint",
    values: [
      ...[0n, 1n, -1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n, -(2n ** 63n), -(2n ** 63n) - 1n, -(2n ** 64n)],
      ...[2n ** 127n, -(2n ** 127n), 2n ** 65_536n, -(2n ** 65_536n), 2n ** 70_000n + 5n, -(2n ** 70_000n) - 5n],
    ],
  },
  { row: "undefined", values: [undefined, [undefined, [undefined]], { a: undefined }, new Map([[undefined, undefined]])] },
  { row: "Array", values: [[], [[], [[1]]], Array.from({ length: 70_000 }, (_, index) => index), Array.from({ length: 3 }, () => undefined)] },
  {
    row: "plain object",
    values: [
      ...[{}, { a: { b: { c: 1 } } }, { "": 1, " ": 2, 3: 4 }, { length: 5, then: 1, toJSON: 2, hasOwnProperty: 3, valueOf: null }],
      ...[{ constructor: "x" }, { constructor: null, a: -0 }, { __proto_: 1 }, { toString: new Map() }],
      JSON.parse('{"__proto__":{"polluted":true},"a":[{"__proto__":null}],"__proto_":1}') as unknown,
      Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`k${index}`, index])),
    ],
  },
  {
    row: "Date",
    values: [0, 1, -1, 999, 1000, -1000, 1e12 + 1, 2 ** 32 * 1000 - 1, 2 ** 32 * 1000, 8.64e15, -8.64e15, -62_135_596_800_001, NaN].map(
      (ms) => new Date(ms),
    ),
  },
  {
    row: "Map",
    values: [
      ...[new Map(), new Map([["a", 1]]), new Map<unknown, unknown>([[{ k: -0 }, new Map([[NaN, -0]])]])],
      new Map<unknown, unknown>([[1, "number"], ["1", "string"], [1n, "bigint"], [null, 0], [new Date(0), new Set([1])]]),
      { deep: [new Map([["__proto__", { __proto_: 1 }]])] },
      new Map(Array.from({ length: 20 }, (_, index) => [index, `v${index}`])),
    ],
  },
  { row: "Set", values: [new Set(), new Set([1, "1", undefined, NaN, new Set([0])]), new Set([new Map([[1, -0]]), [-0]]), { s: new Set([/x/]) }] },
  { row: "RegExp", values: [/a\/b/giu, /(?:)/, new RegExp("\\p{L}+", "v"), /\u{1F600}[\ud800]/u, new RegExp(`\uFEFF${"a".repeat(100)}`, "y"), /\0/s] },
  {
    row: "Error",
    values: [error, aggregate, new AggregateError([]), renamed, mongooseLike, withoutStack, new Error(""), new Error("x", { cause: undefined }), { e: [new SyntaxError("s")] }],
  },
  { row: "Int8Array, Uint8Array, Uint8ClampedArray", values: [new Int8Array([-1, 2]), new Uint8Array(0), new Uint8Array(bytes, 3, 7), new Uint8ClampedArray([300])] },
  {
    row: "Int16Array, Uint16Array, Int32Array, Uint32Array",
    values: [new Int16Array(bytes, 2, 3), new Uint16Array([65_535]), new Int32Array([-1]), new Uint32Array([2 ** 32 - 1]), new Uint32Array(100_000)],
  },
  {
    row: "Float32Array, Float64Array",
    values: [new Float32Array([1.5, -0, NaN]), new Float64Array([0.1, -0, Infinity]), new Float64Array(bytes, 8, 2), ...(float16 ? [new float16([1.5, -0])] : [])],
  },
  { row: "BigInt64Array, BigUint64Array", values: [new BigInt64Array([-1n]), new BigUint64Array([2n ** 64n - 1n])] },
  { row: "ArrayBuffer", values: [new ArrayBuffer(0), bytes.slice(0, 5), { b: bytes.slice(0) }] },
  { row: "DataView", values: [new DataView(bytes.slice(0)), new DataView(bytes, 4, 9), new DataView(new ArrayBuffer(0))] },
];

class PaymentError extends Error {
  override name = "PaymentError";
  status = 402;
}
const payment = new PaymentError("declined");
const abort = new DOMException("stopped", "AbortError");
const shared = { x: [1] };
const search = /a/g;
search.lastIndex = 3;

/** An error as it is expected to arrive. */
function plainError(source: Error, props: object): Error {
  const result = Object.assign(new Error(source.message), props);
  for (const key of ["name", "stack"] as const) Object.defineProperty(result, key, { value: source[key], enumerable: false });
  return result;
}

export const CONVERTED: readonly ConvertedCase[] = [
  { row: "Buffer", from: () => ({ b: Buffer.from("hello"), big: Buffer.alloc(70_000, 1) }), to: { b: new TextEncoder().encode("hello"), big: new Uint8Array(70_000).fill(1) } },
  { row: "object without a prototype", from: () => Object.assign(Object.create(null) as object, { a: -0, constructor: 1 }), to: { a: -0, constructor: 1 } },
  {
    row: "object or built-in of another realm",
    from: () =>
      vm.runInNewContext(
        "({ o: { d: new Date(5) }, a: [1, -0], m: new Map([[1, 2]]), s: new Set([1]), r: /x/g, u: new Uint8Array([1, 2]), f: new Float64Array([1.5]), b: new ArrayBuffer(2), v: new DataView(new ArrayBuffer(3)) })",
      ) as unknown,
    to: {
      ...{ o: { d: new Date(5) }, a: [1, -0], m: new Map([[1, 2]]), s: new Set([1]), r: /x/g, u: new Uint8Array([1, 2]) },
      ...{ f: new Float64Array([1.5]), b: new ArrayBuffer(2), v: new DataView(new ArrayBuffer(3)) },
    },
  },
  { row: "value that occurs twice", from: () => [shared, { again: shared }], to: [{ x: [1] }, { again: { x: [1] } }] },
  {
    row: "getter",
    from: () => {
      let reads = 0;
      return { before: -0, get reads() { return (reads += 1); }, get map() { return new Map([[1, 2]]); }, after: { get deep() { return -0; } } };
    },
    to: { before: -0, reads: 1, map: new Map([[1, 2]]), after: { deep: -0 } },
  },
  { row: "Proxy of an object or array", from: () => new Proxy({ a: new Proxy([1, new Proxy({ z: -0 }, {})], {}) }, {}), to: { a: [1, { z: -0 }] } },
  { row: "property that is not enumerable", from: () => Object.defineProperty({ a: 1 }, "hidden", { value: () => 1 }), to: { a: 1 } },
  {
    row: "extra property of an array or built-in",
    from: () => [/b/.exec("abc"), Object.assign(new Date(0), { x: 1 }), Object.assign(new Map([[1, -0]]), { x: 1 }), Object.assign(new Uint8Array(1), { x: 1 })],
    to: [["b"], new Date(0), new Map([[1, -0]]), new Uint8Array(1)],
  },
  { row: "RegExp with lastIndex", from: () => search, to: /a/g },
  { row: "subclass of Error", from: () => payment, to: plainError(payment, { status: 402 }) },
  { row: "DOMException", from: () => abort, to: plainError(abort, { code: 20 }) },
  {
    row: "resizable ArrayBuffer",
    from: () => new (ArrayBuffer as new (length: number, options: object) => ArrayBuffer)(3, { maxByteLength: 10 }),
    to: new ArrayBuffer(3),
  },
];

class Point {
  x = 1;
}
class Stack extends Array<number> {}
class Moment extends Date {}
class Bytes extends Uint8Array {}

const revoked = Proxy.revocable([], {});
revoked.revoke();

function cycle(): unknown {
  const user: Record<string, unknown> = { tags: [] };
  user["owner"] = { pets: [1, new Map([["of", user]])] };
  return { user };
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

function detached(): ArrayBuffer {
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}

function nameless(): Error {
  return Object.assign(new Error("x"), { name: undefined });
}

const instance = (name: string): RegExp => new RegExp(`it is an instance of ${name};`);

export const REJECTED: readonly RejectedCase[] = [
  { row: "function", value: () => ({ user: { tags: [1, 2, 3, { callback: () => 1 }] } }), path: ".user.tags[3].callback", reason: /it is a function/ },
  { row: "function", value: () => Point, reason: /it is a function/ },
  { row: "function", value: () => new Error("x", { cause: { errors: [Object.assign(new Error("y"), { fix() {} })] } }), path: ".cause.errors[0].fix", reason: /function/ },
  { row: "function", value: () => new AggregateError([1, () => 1]), path: ".errors[1]", reason: /function/ },
  { row: "symbol", value: () => ({ map: new Map([["k", Symbol("s")]]) }), path: '.map.get("k")', reason: /it is a symbol/ },
  { row: "symbol", value: () => new Map([["a", 1], [Symbol("s"), 1]] as [unknown, number][]), path: ".keys()[1]", reason: /it is a symbol/ },
  { row: "symbol", value: () => [new Map([[{}, [Symbol("s")]]])], path: "[0].values()[0][0]", reason: /it is a symbol/ },
  { row: "symbol as a key", value: () => ({ a: { [Symbol("key")]: 1 } }), path: ".a[Symbol(key)]", reason: /key is a symbol/ },
  { row: "class instance", value: () => ({ "a b": { "it's": new Point() } }), path: '["a b"]["it\'s"]', reason: instance("Point") },
  { row: "class instance", value: () => new Set([1, new Point()]), path: ".values()[1]", reason: instance("Point") },
  { row: "class instance", value: () => [Object.create({ inherited: 1 }) as unknown], path: "[0]", reason: /prototype of its own/ },
  { row: "class instance", value: () => ({ toJSON: 1, list: [new Intl.NumberFormat()] }), path: ".list[0]", reason: instance("NumberFormat") },
  { row: "subclass of a built-in", value: () => ({ a: Stack.from([1]) }), path: ".a", reason: instance("Stack") },
  { row: "subclass of a built-in", value: () => ({ a: new Moment() }), path: ".a", reason: instance("Moment") },
  { row: "subclass of a built-in", value: () => ({ a: new Bytes(1) }), path: ".a", reason: instance("Bytes") },
  { row: "Number, String or Boolean object", value: () => ({ n: Object(1) as unknown }), path: ".n", reason: instance("Number") },
  { row: "Number, String or Boolean object", value: () => Object("s") as unknown, reason: instance("String") },
  { row: "URL", value: () => ({ $url_1: new URL("http://localhost") }), path: ".$url_1", reason: instance("URL") },
  { row: "Promise", value: () => [Promise.resolve(1)], path: "[0]", reason: instance("Promise") },
  { row: "WeakMap, WeakSet, WeakRef", value: () => ({ w: new WeakMap() }), path: ".w", reason: instance("WeakMap") },
  { row: "WeakMap, WeakSet, WeakRef", value: () => ({ w: new WeakSet() }), path: ".w", reason: instance("WeakSet") },
  { row: "WeakMap, WeakSet, WeakRef", value: () => ({ w: new WeakRef({}) }), path: ".w", reason: instance("WeakRef") },
  { row: "cycle", value: cycle, path: '.user.owner.pets[1].get("of")', reason: /cycle/ },
  { row: "lone surrogate in a string", value: () => ["ok", "half \ud83d"], path: "[1]", reason: /lone surrogate/ },
  { row: "lone surrogate in a string", value: () => new RegExp("\ud83d"), reason: /lone surrogate/ },
  { row: "lone surrogate in a string", value: () => ({ e: new Error("\udc00") }), path: ".e.message", reason: /lone surrogate/ },
  { row: "lone surrogate in a key", value: () => ({ a: { "\ud83d": 1 } }), path: '.a["\\ud83d"]', reason: /key contains a lone surrogate/ },
  { row: "hole in an array", value: () => ({ list: [undefined, , 2] }), path: ".list[1]", reason: /hole/ },
  { row: "SharedArrayBuffer, or a view on one", value: () => ({ s: new SharedArrayBuffer(1) }), path: ".s", reason: /shared memory/ },
  { row: "SharedArrayBuffer, or a view on one", value: () => [new Uint8Array(new SharedArrayBuffer(1))], path: "[0]", reason: /shared memory/ },
  { row: "SharedArrayBuffer, or a view on one", value: () => [Buffer.from(new SharedArrayBuffer(1))], path: "[0]", reason: /shared memory/ },
  { row: "detached ArrayBuffer, or a view on one", value: () => ({ b: detached() }), path: ".b", reason: /detached/ },
  {
    row: "detached ArrayBuffer, or a view on one",
    value: () => {
      const view = new Uint8Array(4);
      structuredClone(view.buffer, { transfer: [view.buffer] });
      return { view };
    },
    path: ".view",
    reason: /detached/,
  },
  { row: "getter or Proxy that throws", value: () => ({ a: [{ ok: 1, get bad() { throw new Error("boom"); } }] }), path: ".a[0].bad", reason: /reading it throws/ },
  { row: "getter or Proxy that throws", value: () => [[new Proxy({}, { ownKeys: () => { throw new Error("boom"); } })]], path: "[0][0]", reason: /reading it throws/ },
  { row: "getter or Proxy that throws", value: () => ({ p: new Proxy({ x: 1 }, { get: () => { throw new Error("boom"); } }) }), path: ".p.x", reason: /reading it throws/ },
  { row: "getter or Proxy that throws", value: () => ({ p: new Proxy({}, { getPrototypeOf: () => { throw new Error("boom"); } }) }), path: ".p", reason: /reading it throws/ },
  { row: "getter or Proxy that throws", value: () => ({ r: revoked.proxy }), path: ".r", reason: /reading it throws/ },
  { row: "name or message of an error that is no string", value: () => ({ e: nameless() }), path: ".e.name", reason: /belongs to an error/ },
  { row: "nesting of more than 200 levels", value: () => ({ deep: nested(200) }), path: `.deep${"[0]".repeat(199)}`, reason: /more than 200 levels/ },
  { row: "value over the size limit", value: () => ({ text: "x".repeat(100) }), reason: /needs at least \d+ bytes, and the limit is 50$/, maxBytes: 50 },
  { row: "value over the size limit", value: () => [0.1, 0.2, 0.3], reason: /needs 29 bytes, and the limit is 28$/, maxBytes: 28 },
];
