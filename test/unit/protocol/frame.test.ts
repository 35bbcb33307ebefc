import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packFrame, unpackFrame } from "../../../src/protocol/frame.js";
import type { FrameJob } from "../../../src/protocol/messages.js";

const frameJobs: fc.Arbitrary<FrameJob> = fc.record({
  slot: fc.nat(255),
  id: fc.uuid(),
  name: fc.constantFrom("a", "b", "a long name"),
  attempt: fc.nat(),
  maxRetries: fc.oneof(fc.nat(), fc.constant(Infinity)),
  depth: fc.nat(100),
  meta: fc.oneof(fc.constant({}), fc.dictionary(fc.string(), fc.string(), { maxKeys: 2 })),
  payload: fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.constantFrom(16 * 1_024, 16 * 1_024 + 1).map((length) => new Uint8Array(length).fill(length))),
  attachments: fc.oneof(fc.constant([]), fc.constant([new ArrayBuffer(3)])),
  customBackoff: fc.boolean(),
});

describe("a frame", () => {
  it("gives its jobs back as they were, also after the copy to a thread", () => {
    fc.assert(
      fc.property(fc.array(frameJobs, { maxLength: 6 }), (jobs) => {
        const unpacked = unpackFrame(structuredClone(packFrame(jobs)));
        expect(unpacked.map((job) => ({ ...job, meta: { ...job.meta }, attachments: [...job.attachments] }))).toEqual(jobs.map((job) => ({ ...job, meta: { ...job.meta } })));
      }),
    );
  });
});
