import { decode, encode, type Encoded } from "../../dist/src/job/payload.js";
import { type MicroCase, runMicro } from "../lib/micro.js";
import type { Options, Section } from "../lib/report.js";

const OPTIONS = { root: "payload", maxBytes: 64 * 2 ** 20 };

const PAYLOADS: Readonly<Record<string, { readonly value: unknown; readonly ops: number }>> = {
  "a number": { value: 12_345, ops: 500 },
  "the payload of S1": { value: { a: 1, b: "x" }, ops: 500 },
  "2 fields": { value: { path: "images/a.png", width: 320 }, ops: 500 },
  "20 nested fields": { value: order(), ops: 50 },
  "100 records": { value: Array.from({ length: 100 }, (_, id) => ({ id, name: `record ${id}`, score: id / 7, tags: ["a", "b"] })), ops: 2 },
  "64 kB text": { value: "line of text, and the next\n".repeat(2_428), ops: 2 },
  "64 kB Uint8Array": { value: new Uint8Array(65_536).fill(7), ops: 10 },
  "8,192 doubles": { value: Float64Array.from({ length: 8_192 }, (_, index) => index / 3), ops: 10 },
};

function order(): unknown {
  const address = { street: "Long Street 1", city: "Springfield", zip: "12345", country: "XX" };
  const items = [1, 2, 3].map((number) => ({ sku: `SKU-${number}`, quantity: number, price: number * 9.99 }));
  return { id: "o-1", at: new Date(0), customer: { name: "A customer", address }, items, total: 59.94, paid: true, note: null };
}

export function payloadBench(options: Options): Promise<Section> {
  const cases = Object.entries(PAYLOADS).flatMap(([name, { value, ops }]): readonly MicroCase[] => {
    const encoded = encode(value, OPTIONS);
    return [
      { name: `encode ${name} (${encoded.bytes.byteLength} bytes)`, ops, run: () => repeatEncode(value, ops) },
      { name: `decode ${name}`, ops, run: () => repeatDecode(encoded, ops) },
    ];
  });
  return runMicro("Payloads: check and pack, unpack", cases, options);
}

function repeatEncode(value: unknown, ops: number): Encoded | undefined {
  let last: Encoded | undefined;
  for (let index = 0; index < ops; index += 1) last = encode(value, OPTIONS);
  return last;
}

function repeatDecode(encoded: Encoded, ops: number): unknown {
  let last: unknown;
  for (let index = 0; index < ops; index += 1) last = decode(encoded);
  return last;
}
