import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_BACKOFF } from "../../../src/job/backoff.js";
import { type FramedJob, packFrame, unpackFrame } from "../../../src/protocol/frame.js";
import type { FrameJob } from "../../../src/protocol/messages.js";

const framedJobs: fc.Arbitrary<FramedJob> = fc.record({
  id: fc.uuid(),
  name: fc.constantFrom("a", "b", "a long name"),
  attempt: fc.nat(),
  maxRetries: fc.oneof(fc.nat(), fc.constant(Infinity)),
  depth: fc.nat(100),
  meta: fc.oneof(fc.constant({}), fc.dictionary(fc.string(), fc.string(), { maxKeys: 2 })),
  payload: fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.constantFrom(16 * 1_024, 16 * 1_024 + 1).map((length) => new Uint8Array(length).fill(length))),
  attachments: fc.oneof(fc.constant([]), fc.constant([new ArrayBuffer(3)])),
  backoff: fc.constantFrom(null, DEFAULT_BACKOFF),
});

describe("a frame", () => {
  it("gives its jobs back as they were, also after the copy to a thread", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(framedJobs, fc.nat(1_023)), { maxLength: 6 }), (entries) => {
        const jobs = entries.map(([job]) => job);
        const slots = entries.map(([, slot]) => slot);
        const unpacked = unpackFrame(structuredClone(packFrame(jobs, slots)));
        expect(unpacked.map(comparable)).toEqual(entries.map(([{ backoff, meta, ...job }, slot]) => ({ ...job, slot, meta: { ...meta }, customBackoff: backoff === null })));
      }),
    );
  });
});

function comparable({ payload: { bytes, start, end }, meta, attachments, ...job }: FrameJob): unknown {
  return { ...job, payload: bytes.slice(start, end), meta: { ...meta }, attachments: [...attachments] };
}
