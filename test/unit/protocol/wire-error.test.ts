import vm from "node:vm";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { decode, encode } from "../../../src/job/payload.js";
import { buildError, fromWireError, toWireError, type WireError } from "../../../src/protocol/wire-error.js";

class HttpError extends Error {
  override name = "HttpError";
  status = 404;
  headers = { "retry-after": ["1", null, true], nested: { when: new Date(5), big: 7n } };
  code = "E_HTTP";
  #secret = () => 1;
  send = this.#secret;
}

/** Throws on every trap. */
function hostileProxy(target: object): object {
  const trap = (): never => {
    throw new Error("trap");
  };
  const names = ["get", "set", "has", "ownKeys", "getPrototypeOf", "getOwnPropertyDescriptor", "defineProperty", "isExtensible"];
  return new Proxy(target, Object.fromEntries(names.map((name) => [name, trap])));
}

function withThrowingGetters(target: object): object {
  // `stack` first: defining it makes V8 write it, which reads the name.
  for (const name of ["stack", "name", "message", "code", "cause", "errors", "extra"]) {
    Object.defineProperty(target, name, {
      enumerable: true,
      get() {
        throw new Error(`no ${name}`);
      },
    });
  }
  return target;
}

function selfCaused(): Error {
  const error = new Error("loop");
  const other = new Error("other", { cause: error });
  error.cause = other;
  return Object.assign(error, { errors: [error, other], self: error });
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  return proxy;
}

const NON_ERRORS: readonly { readonly thrown: unknown; readonly message: string }[] = [
  { thrown: undefined, message: "Non-error thrown: undefined" },
  { thrown: null, message: "Non-error thrown: null" },
  { thrown: "text", message: 'Non-error thrown: "text"' },
  { thrown: "", message: 'Non-error thrown: ""' },
  { thrown: "half \ud83d", message: 'Non-error thrown: "half \\ud83d"' },
  { thrown: 42, message: "Non-error thrown: 42" },
  { thrown: NaN, message: "Non-error thrown: NaN" },
  { thrown: false, message: "Non-error thrown: false" },
  { thrown: 7n, message: "Non-error thrown: 7n" },
  { thrown: 1n << 10_000_000n, message: "Non-error thrown: a bigint" },
  { thrown: Symbol("s"), message: "Non-error thrown: Symbol(s)" },
  { thrown: function named() {}, message: "Non-error thrown: function named" },
  { thrown: () => 1, message: "Non-error thrown: function thrown" },
  { thrown: [1, 2], message: "Non-error thrown: an array" },
  { thrown: { a: 1 }, message: "Non-error thrown: an object" },
  { thrown: Object.create(null), message: "Non-error thrown: an object" },
  { thrown: new URL("http://localhost"), message: "Non-error thrown: an instance of URL" },
  { thrown: { message: "kept", code: 5 }, message: "kept" },
  { thrown: { message: 5 }, message: "Non-error thrown: an object" },
  { thrown: hostileProxy({}), message: "Non-error thrown: an object" },
  { thrown: hostileProxy(() => 1), message: "Non-error thrown: a function" },
  { thrown: withThrowingGetters({}), message: "Non-error thrown: an object" },
];

const ODD: readonly { readonly name: string; readonly thrown: unknown }[] = [
  { name: "an error with getters that throw", thrown: withThrowingGetters(new Error("x")) },
  { name: "a hostile Proxy of an error", thrown: hostileProxy(new Error("x")) },
  { name: "a revoked Proxy", thrown: revokedProxy() },
  { name: "a frozen error", thrown: Object.freeze(new Error("x", { cause: Object.freeze(new Error("y")) })) },
  { name: "an error that causes itself", thrown: selfCaused() },
  { name: "an error with a message that is no string", thrown: Object.assign(new Error("x"), { message: Symbol("m"), name: 5, stack: [], code: {} }) },
  { name: "lone surrogates", thrown: Object.assign(new Error("\ud800"), { name: "\ud800", code: "\ud800", "\ud800": "\ud800", deep: { "\udc00": ["\udc00"] } }) },
  { name: "`errors` that is a revoked Proxy", thrown: Object.assign(new Error("x"), { errors: revokedProxy(), extra: { list: revokedProxy() } }) },
  { name: "an infinite list", thrown: Object.assign(new Error("x"), { errors: new Proxy([], { get: (_, key) => (key === "length" ? Infinity : 1) }) }) },
  { name: "`__proto__` as a property", thrown: Object.assign(new Error("x"), { data: JSON.parse('{"__proto__":{"polluted":1}}') as unknown }) },
  { name: "a very wide error", thrown: Object.assign(new Error("x"), Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`k${index}`, index]))) },
  { name: "very many errors", thrown: manyErrors(4) },
];

function manyErrors(depth: number): Error {
  const errors = depth === 0 ? [] : Array.from({ length: 30 }, () => manyErrors(depth - 1));
  return new AggregateError(errors, "m".repeat(5_000));
}

describe("toWireError", () => {
  it("keeps what an error is made of", () => {
    const error = new HttpError("not found", { cause: new TypeError("inner", { cause: "deepest" }) });
    expect(toWireError(error)).toEqual({
      name: "HttpError",
      message: "not found",
      stack: error.stack,
      code: "E_HTTP",
      cause: {
        name: "TypeError",
        message: "inner",
        stack: (error.cause as Error).stack,
        code: null,
        cause: { name: "NonError", message: 'Non-error value: "deepest"', stack: null, code: null },
      },
      props: { status: 404, headers: error.headers },
    });
  });

  it("keeps errors of another realm, DOMExceptions and lists of errors", () => {
    expect(toWireError(vm.runInNewContext("Object.assign(new RangeError('far'), { code: 3 })"))).toMatchObject({ name: "RangeError", message: "far", code: 3 });
    expect(toWireError(new DOMException("stopped", "AbortError"))).toMatchObject({ name: "AbortError", message: "stopped", code: 20 });
    expect(toWireError(new AggregateError([new Error("a"), 1], "many"))).toMatchObject({
      name: "AggregateError",
      errors: [{ name: "Error", message: "a" }, { name: "NonError", message: "Non-error value: 1" }],
    });
    expect(toWireError(Object.assign(new Error("x"), { errors: { field: "required" } })).props).toEqual({ errors: { field: "required" } });
  });

  it("does not keep plain data that is no error, but for its own name", () => {
    expect(toWireError({ name: "Conflict", message: "taken", id: 5 })).toEqual({ name: "Conflict", message: "taken", stack: null, code: null, props: { id: 5 } });
    expect(toWireError({ id: 5, run: () => 1 })).toMatchObject({ name: "NonError", props: { id: 5 } });
  });

  it.each(NON_ERRORS)("says what was thrown when it is no error: $message", ({ thrown, message }) => {
    expect(toWireError(thrown)).toMatchObject({ name: "NonError", message, stack: null });
  });

  it("shortens long texts visibly, and keeps the frames of the stack", () => {
    const error = Object.assign(new Error("m".repeat(50_000_000)), { code: "c".repeat(1000), name: "n".repeat(1000), detail: "d".repeat(1_000_000) });
    const { name, message, stack, code, props } = toWireError(error);
    expect(message).toBe(`${"m".repeat(8192)}… (49991808 more characters)`);
    expect(stack).toMatch(/^[^\n]+: m{1024}… \(49998976 more characters\)\n {4}at .*wire-error\.test/);
    expect(name).toBe(`${"n".repeat(256)}… (744 more characters)`);
    expect(code).toBe(`${"c".repeat(256)}… (744 more characters)`);
    expect(props?.["detail"]).toBe(`${"d".repeat(8192)}… (991808 more characters)`);
    expect(toWireError("t".repeat(10_000)).message).toBe(`Non-error thrown: "${"t".repeat(8192)}… (1808 more characters)"`);
    expect(toWireError(new Error(`${"x".repeat(8191)}😀`)).message).toBe(`${"x".repeat(8191)}… (2 more characters)`);
  });

  it("keeps five causes in a row, ten errors and ends at a cycle", () => {
    let error = new Error("bottom");
    for (let level = 0; level < 20; level += 1) error = new Error(`level ${level}`, { cause: error });
    const messages: string[] = [];
    for (let wire: WireError | undefined = toWireError(error); wire !== undefined; wire = wire.cause) messages.push(wire.message);
    expect(messages).toEqual(["level 19", "level 18", "level 17", "level 16", "level 15", "level 14"]);
    expect(toWireError(new AggregateError(Array.from({ length: 30 }, (_, index) => index))).errors).toHaveLength(10);
    const loop = toWireError(selfCaused());
    expect(loop.cause?.message).toBe("other");
    expect(loop.cause).not.toHaveProperty("cause");
    expect(loop.errors).toHaveLength(1);
  });

  it.each(ODD)("copes with $name, and the result is small and can be stored", ({ thrown }) => {
    const wire = toWireError(thrown);
    expect(typeof wire.name).toBe("string");
    expect(typeof wire.message).toBe("string");
    const encoded = encode(wire, { root: "error", maxBytes: 1024 * 1024 });
    expect(fromWireError(decode(encoded) as WireError)).toBeInstanceOf(Error);
  });

  it("never throws, whatever was thrown", () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withSparseArray: true, withTypedArray: true, stringUnit: "binary" }), (anything) => {
        for (const thrown of [anything, Object.assign(new Error("x", { cause: anything }), { anything }), new AggregateError([anything])]) {
          const wire = toWireError(thrown);
          fromWireError(decode(encode(wire, { root: "error", maxBytes: 1024 * 1024 })) as WireError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("does not run out of stack in a place that has almost none left", () => {
    let wire: WireError | undefined;
    const deeper = (): void => {
      try {
        deeper();
      } catch (error) {
        wire ??= toWireError(error);
      }
    };
    deeper();
    expect(wire?.message).toMatch(/Maximum call stack|cannot be read/);
  });
});

describe("fromWireError", () => {
  const builtins = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, Error];

  it.each(builtins.map((Class) => ({ name: Class.name, Class })))("rebuilds $name", ({ Class }) => {
    const rebuilt = fromWireError(toWireError(new Class("m")));
    expect(Object.getPrototypeOf(rebuilt)).toBe(Class.prototype);
    expect(rebuilt.name).toBe(Class.name);
    expect(Object.hasOwn(rebuilt, "name")).toBe(false);
  });

  it("rebuilds all parts, with the usual ones hidden", () => {
    const error = new HttpError("not found", { cause: new AggregateError([new TypeError("t")], "many") });
    const rebuilt = fromWireError(toWireError(error));
    expect(Object.getPrototypeOf(rebuilt)).toBe(Error.prototype);
    expect({ name: rebuilt.name, message: rebuilt.message, stack: rebuilt.stack }).toEqual({ name: "HttpError", message: "not found", stack: error.stack });
    expect(rebuilt).toMatchObject({ code: "E_HTTP", status: 404, headers: error.headers });
    expect(Object.keys(rebuilt).sort()).toEqual(["code", "headers", "status"]);
    const cause = rebuilt.cause as AggregateError;
    expect(cause).toBeInstanceOf(AggregateError);
    expect(cause.errors).toHaveLength(1);
    expect(cause.errors[0]).toBeInstanceOf(TypeError);
    expect(Object.keys(cause)).toEqual([]);
    expect("cause" in (cause.errors[0] as Error)).toBe(false);
  });

  it("shows no stack of its own place when there was none", () => {
    expect(fromWireError(toWireError("text")).stack).toBeUndefined();
  });

  it("survives properties with odd names", () => {
    const props = JSON.parse('{"__proto__":{"polluted":true},"message":"not this","constructor":1}') as Record<string, unknown>;
    const rebuilt = fromWireError({ name: "Error", message: "this", stack: null, code: null, props });
    expect(rebuilt.message).toBe("this");
    expect(rebuilt).toBeInstanceOf(Error);
    expect(Object.hasOwn(rebuilt, "__proto__")).toBe(true);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });
});

describe("buildError", () => {
  it("tells an absent cause from one that is undefined", () => {
    const parts = { name: "Error", message: "m", stack: null, props: [] };
    expect(Object.hasOwn(buildError(parts), "cause")).toBe(false);
    expect(Object.hasOwn(buildError({ ...parts, cause: undefined }), "cause")).toBe(true);
  });
});
