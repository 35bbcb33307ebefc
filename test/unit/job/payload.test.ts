import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";

import { PayloadError } from "../../../src/errors.js";
import { decode, encode, type EncodeOptions } from "../../../src/job/payload.js";
import { CONVERTED, EXACT, REJECTED } from "./payload-cases.js";
import { difference } from "./payload-equal.js";

const OPTIONS: EncodeOptions = { root: "payload", maxBytes: 64 * 1024 * 1024 };

function roundTrip(value: unknown): unknown {
  return decode(encode(value, OPTIONS));
}

/** The `PayloadError` that a call throws. Anything else fails the test. */
function refusal(action: () => unknown): PayloadError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(PayloadError);
    return error as PayloadError;
  }
  throw new Error("nothing was thrown");
}

describe("docs/payloads.md", () => {
  const page = readFileSync(new URL("../../../docs/payloads.md", import.meta.url), "utf8");

  /** The first column of the table under a heading. */
  function rows(heading: string): string[] {
    const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
    const cells = section.split("\n").flatMap((line) => /^\| ([^|]+?) \|/.exec(line)?.[1] ?? []);
    return cells.slice(1).map((cell) => cell.replaceAll("`", ""));
  }

  it.each([
    { heading: "Exact", cases: EXACT },
    { heading: "Converted", cases: CONVERTED },
    { heading: "Rejected", cases: REJECTED },
  ])("has the same rows as the tests: $heading", ({ heading, cases }) => {
    expect(rows(heading)).toEqual([...new Set(cases.map(({ row }) => row))]);
  });
});

describe("values that arrive exactly", () => {
  it.each(EXACT)("$row", ({ values }) => {
    for (const value of values) {
      expect(difference(roundTrip(value), value)).toBeUndefined();
      expect(difference(roundTrip({ in: [value, new Map([["x", value]])] }), { in: [value, new Map([["x", value]])] })).toBeUndefined();
    }
  });

  it("do not need the native addon of msgpackr", () => {
    const script = `
      import { EXACT } from "./test/unit/job/payload-cases.ts";
      import { difference } from "./test/unit/job/payload-equal.ts";
      import { decode, encode } from "./src/job/payload.ts";
      import { isNativeAccelerationEnabled } from "msgpackr";
      const different = EXACT.flatMap(({ values }) =>
        values.map((value) => difference(decode(encode(value, { root: "payload", maxBytes: 1e9 })), value)).filter(Boolean));
      console.log(JSON.stringify({ isNativeAccelerationEnabled, different }));`;
    const output = execFileSync(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", script], {
      encoding: "utf8",
      env: { ...process.env, MSGPACKR_NATIVE_ACCELERATION_DISABLED: "true" },
      cwd: new URL("../../../", import.meta.url),
    });
    expect(JSON.parse(output)).toEqual({ isNativeAccelerationEnabled: false, different: [] });
  });

  it("leave Object.prototype alone", () => {
    roundTrip(JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'));
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  it("are not affected by what others put on Object.prototype", () => {
    Object.defineProperty(Object.prototype, "intruder", { value: () => 1, enumerable: true, configurable: true, writable: true });
    let result: unknown;
    try {
      result = roundTrip({ a: { z: -0 }, b: new Map([["k", new Error("e")]]) });
    } finally {
      Reflect.deleteProperty(Object.prototype, "intruder");
    }
    expect(result).toMatchObject({ a: { z: -0 }, b: new Map([["k", new Error("e")]]) });
    expect(Object.hasOwn(result as object, "intruder")).toBe(false);
  });
});

describe("values that are converted", () => {
  it.each(CONVERTED)("$row", ({ from, to }) => {
    expect(difference(roundTrip(from()), to)).toBeUndefined();
  });

  it("shows copies of shared references", () => {
    const shared = { x: 1 };
    const [first, second] = roundTrip([shared, shared]) as [object, object];
    expect(first).toEqual(second);
    expect(first).not.toBe(second);
  });
});

describe("values that are rejected", () => {
  it.each(REJECTED)("$row, at $path", ({ value, path = "", reason, maxBytes = OPTIONS.maxBytes }) => {
    const subject = value();
    const error = refusal(() => encode(subject, { root: "result", maxBytes }));
    expect(error.path).toBe(`result${path}`);
    expect(error.message).toMatch(reason);
    expect(error.message.startsWith(`result${path} cannot be serialised: `)).toBe(true);
  });

  it("keep what a getter threw as the cause, and have no cause otherwise", () => {
    const thrown = new RangeError("from the getter");
    const subject = { get bad(): never { throw thrown; } };
    expect(refusal(() => encode(subject, OPTIONS)).cause).toBe(thrown);
    expect("cause" in refusal(() => encode(() => 1, OPTIONS))).toBe(false);
  });

  it("do not change the value", () => {
    const inner = Object.freeze({ z: -0, list: Object.freeze([-0]), map: new Map([[1, -0]]) });
    const value = Object.freeze({ inner, bad: Symbol("no") });
    refusal(() => encode(value, OPTIONS));
    expect(difference(inner, { z: -0, list: [-0], map: new Map([[1, -0]]) })).toBeUndefined();
  });

  it("accept exactly 200 levels", () => {
    let value: unknown = -0;
    for (let level = 0; level < 200; level += 1) value = [[value], { a: value }, new Map([[1, value]]), new Error("e", { cause: value })][level % 4];
    expect(difference(roundTrip(value), value)).toBeUndefined();
    expect(refusal(() => encode([value], OPTIONS)).message).toMatch(/more than 200 levels/);
  });

  it("are found before memory is spent on shared references that multiply", () => {
    let value: unknown = "leaf";
    for (let level = 0; level < 60; level += 1) value = [value, value];
    expect(refusal(() => encode(value, { root: "payload", maxBytes: 100_000 })).path).toBe("payload");
  });

  it("shorten long keys in the path", () => {
    expect(refusal(() => encode({ ["k".repeat(5000)]: Symbol("s") }, OPTIONS)).path).toBe(`payload["${"k".repeat(100)}…"]`);
  });
});

describe("bytes", () => {
  it("own their buffer, also after something large", () => {
    const sizes = [10, 100, 5_000, 100_000].map((length) => encode("x".repeat(length), OPTIONS).bytes);
    const large = encode(new Uint8Array(10_000_000), OPTIONS).bytes;
    const small = encode({ a: 1 }, OPTIONS).bytes;
    for (const bytes of [...sizes, large, small]) expect(bytes.buffer.byteLength).toBe(bytes.byteLength);
    expect(Object.getPrototypeOf(small)).toBe(Uint8Array.prototype);
  });

  it("do not leave msgpackr with a large arena, whether packing succeeded or not", () => {
    const arena = (): number => new Packr().pack(1).buffer.byteLength;
    encode(new Uint8Array(10_000_000), OPTIONS);
    expect(arena()).toBeLessThanOrEqual(1024 * 1024);
    refusal(() => encode(new Float64Array(1_000_000).fill(1), { root: "payload", maxBytes: 8_000_005 }));
    expect(arena()).toBeLessThanOrEqual(1024 * 1024);
  });

  it("stay as they are while other values are packed", () => {
    const first = encode({ text: "first".repeat(50) }, OPTIONS);
    const before = Buffer.from(first.bytes).toString("hex");
    for (let round = 0; round < 100; round += 1) encode({ text: "other".repeat(round) }, OPTIONS);
    expect(Buffer.from(first.bytes).toString("hex")).toBe(before);
  });

  it("start with a format byte, and an unknown one is named", () => {
    const { bytes } = encode("secret", OPTIONS);
    expect(bytes[0]).toBe(1);
    bytes[0] = 9;
    expect(refusal(() => decode({ bytes, attachments: [] })).message).toBe("payload cannot be read: this version does not know the format 9");
    expect(refusal(() => decode({ bytes: new Uint8Array(0), attachments: [] })).message).toMatch(/no bytes/);
  });

  it("may lie in the middle of others, in a Buffer, and are not touched", () => {
    const value = { text: "héllo ".repeat(20), list: ["a", "b".repeat(40)], raw: Buffer.from("bytes"), view: new Float64Array([1.5]) };
    const { bytes } = encode(value, OPTIONS);
    const frame = Buffer.concat([Buffer.from("before"), bytes, Buffer.from("\xa5after", "latin1")]);
    const part = frame.subarray(6, 6 + bytes.byteLength);
    const decoded = decode({ bytes: part, attachments: [] }) as typeof value;
    expect(difference(decoded, { ...value, raw: new TextEncoder().encode("bytes") })).toBeUndefined();
    expect(Object.keys(part)).toHaveLength(part.byteLength);
    for (const { buffer } of [decoded.raw, decoded.view]) expect(buffer).not.toBe(frame.buffer);
    frame.fill(0);
    expect(decoded.raw[0]).toBe("b".charCodeAt(0));
    expect(decoded.raw.buffer.byteLength).toBe(5);
  });

  it("that are damaged give an error that shows nothing of them", () => {
    const { bytes } = encode({ password: "topsecret", text: "topsecret" }, OPTIONS);
    const longer = new Uint8Array([...bytes, 1]);
    for (const damaged of [bytes.subarray(0, -3), longer, bytes.subarray(0, 1), Uint8Array.of(1, 0xc7, 1, 0x4d, 0), Uint8Array.of(1, 0xd4, 0x4d, 0, 0x91, 99)]) {
      const error = refusal(() => decode({ bytes: damaged, attachments: [] }, "result"));
      expect(error.message).toBe("result cannot be read: its bytes are damaged");
      expect(error.path).toBe("result");
      expect("cause" in error).toBe(false);
    }
    expect(roundTrip("still works")).toBe("still works");
  });

  it("are counted exactly at the limit", () => {
    const size = encode([0.1, "ü"], OPTIONS).bytes.byteLength;
    expect(encode([0.1, "ü"], { root: "payload", maxBytes: size }).bytes.byteLength).toBe(size);
    expect(refusal(() => encode([0.1, "ü"], { root: "payload", maxBytes: size - 1 })).message).toContain(`needs ${size} bytes, and the limit is ${size - 1}`);
  });
});

describe("transfer", () => {
  const moving = (value: unknown, transfer: readonly ArrayBuffer[], maxBytes = OPTIONS.maxBytes) => encode(value, { root: "payload", maxBytes, transfer });

  it("moves buffers and gives each view its place again", () => {
    const buffer = Uint8Array.from({ length: 64 }, (_, index) => index).buffer;
    const other = new ArrayBuffer(3);
    const value = { pixels: new Float64Array(buffer, 8, 2), head: new DataView(buffer, 1, 3), all: buffer, node: Buffer.from(buffer, 60), map: new Map([[1, other]]) };
    const expected = { pixels: value.pixels.slice(), head: [1, 2, 3], node: [60, 61, 62, 63] };
    const encoded = moving(value, [buffer, other, buffer]);

    expect(buffer.byteLength).toBe(0);
    expect(other.byteLength).toBe(0);
    expect(encoded.attachments.map(({ byteLength }) => byteLength)).toEqual([64, 3]);
    expect(encoded.bytes.byteLength).toBeLessThan(200);

    const decoded = decode(encoded) as typeof value;
    expect(decoded.pixels).toEqual(expected.pixels);
    expect([decoded.head.getUint8(0), decoded.head.getUint8(1), decoded.head.getUint8(2), decoded.head.byteLength]).toEqual([...expected.head, 3]);
    expect([...decoded.node]).toEqual(expected.node);
    expect(Object.getPrototypeOf(decoded.node)).toBe(Uint8Array.prototype);
    expect(decoded.all).toBe(encoded.attachments[0]);
    expect(decoded.pixels.buffer).toBe(decoded.all);
    expect(decoded.map.get(1)?.byteLength).toBe(3);
  });

  it("copies the buffers that are not listed", () => {
    const [moved, kept] = [new ArrayBuffer(8), new ArrayBuffer(8)];
    const encoded = moving([moved, kept], [moved]);
    expect([moved.byteLength, kept.byteLength, encoded.attachments.length]).toEqual([0, 8, 1]);
  });

  it.each([
    { name: "something else is wrong", value: (buffer: ArrayBuffer) => ({ buffer, bad: () => 1 }), path: "payload.bad" },
    { name: "the value is too big", value: (buffer: ArrayBuffer) => ({ buffer, text: "x".repeat(2000) }), path: "payload" },
    { name: "it does not occur in the value", value: () => ({ nothing: true }), path: "transfer[0]" },
  ])("leaves a buffer alone when $name", ({ value, path }) => {
    const buffer = new ArrayBuffer(8);
    expect(refusal(() => moving(value(buffer), [buffer], 1000)).path).toBe(path);
    expect(buffer.byteLength).toBe(8);
  });

  it("counts moved buffers", () => {
    const buffer = new ArrayBuffer(1000);
    expect(refusal(() => moving(buffer, [buffer], 1000)).message).toMatch(/limit is 1000$/);
    expect(buffer.byteLength).toBe(1000);
  });

  it("refuses what is no ArrayBuffer or was moved before", () => {
    expect(refusal(() => moving([1], [new Uint8Array(1) as unknown as ArrayBuffer])).path).toBe("transfer[0]");
    expect(refusal(() => moving([1], new ArrayBuffer(1) as unknown as ArrayBuffer[])).path).toBe("transfer");
    const buffer = new ArrayBuffer(8);
    moving([buffer], [buffer]);
    expect(refusal(() => moving([buffer], [buffer])).path).toBe("payload[0]");
  });

  it("gives an error for an attachment that is missing or too short", () => {
    const buffer = new ArrayBuffer(16);
    const { bytes } = moving({ view: new Float64Array(buffer) }, [buffer]);
    for (const attachments of [[], [new ArrayBuffer(8)]]) {
      expect(refusal(() => decode({ bytes, attachments })).message).toMatch(/damaged/);
    }
  });
});
