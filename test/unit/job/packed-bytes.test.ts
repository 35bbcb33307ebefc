import fc from "fast-check";
import { expect, it } from "vitest";
import { packBytes, sizeOf, unpackBytes, unpacker } from "../../../src/job/packed-bytes.js";

const anyBytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(0, 1, 255, 256, 257).map((length) => Uint8Array.from({ length }, (_, index) => index)));

it("gives bytes back as they were, alone and together with others", () => {
  fc.assert(
    fc.property(fc.array(anyBytes, { maxLength: 5 }), (all) => {
      const packed = all.map(packBytes);
      expect(packed.map(sizeOf)).toEqual(all.map(({ length }) => length));
      expect(packed.map(unpackBytes)).toEqual(all);
      const unpack = unpacker(packed);
      expect(packed.map((one) => new Uint8Array(unpack(one)))).toEqual(all);
    }),
  );
});

it.each([256, 257])("keeps nothing of the buffer around %d bytes", (length) => {
  const buffer = new Uint8Array(10_000).fill(7);
  const packed = packBytes(buffer.subarray(1_000, 1_000 + length));
  buffer.fill(0);
  expect(unpackBytes(packed)).toEqual(new Uint8Array(length).fill(7));
});

it("shares long bytes that are alone in their buffer", () => {
  const bytes = new Uint8Array(257);
  expect(packBytes(bytes)).toBe(bytes);
});
