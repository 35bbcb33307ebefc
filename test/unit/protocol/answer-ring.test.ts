import { Worker } from "node:worker_threads";
import { describe, expect, it, onTestFinished } from "vitest";
import { ANSWER_RING_BYTES, AnswerRing, type RingAnswer } from "../../../src/protocol/answer-ring.js";

function pair(): { readonly thread: AnswerRing; readonly main: AnswerRing } {
  const buffer = new SharedArrayBuffer(ANSWER_RING_BYTES);
  return { thread: new AnswerRing(buffer, 0), main: new AnswerRing(buffer, 0) };
}

/** What is there to be read, but for the bytes around the results. */
function readFrom(ring: AnswerRing): RingAnswer[] {
  return ring.read().map(({ slot, tookMs, result }) => ({ slot, tookMs, result: new Uint8Array(result) }));
}

/** Different for each number, also in length. */
function bytesOf(n: number): Uint8Array {
  return new Uint8Array((n * 37) % 300).fill(n);
}

describe("the ring of answers", () => {
  it("gives answers in order, as they were", () => {
    const { thread, main } = pair();
    expect(main.read()).toEqual([]);
    const expected: RingAnswer[] = [];
    for (let n = 0; n < 20; n += 1) {
      expect(thread.write(n, n + 0.5, bytesOf(n))).toBe(true);
      expected.push({ slot: n, tookMs: n + 0.5, result: bytesOf(n) });
    }
    expect(readFrom(main)).toEqual(expected);
    expect(main.read()).toEqual([]);
  });

  it("goes round and round", () => {
    const { thread, main } = pair();
    for (let n = 0; n < 5_000; n += 3) {
      const three = [n, n + 1, n + 2];
      for (const i of three) expect(thread.write(i, i, bytesOf(i))).toBe(true);
      expect(readFrom(main)).toEqual(three.map((i) => ({ slot: i, tookMs: i, result: bytesOf(i) })));
    }
  });

  it("takes what it has room for, and overwrites nothing", () => {
    const { thread, main } = pair();
    thread.write(0, 0, new Uint8Array(3_000));
    main.read();
    let written = 0;
    while (thread.write(written, 0, bytesOf(written))) written += 1;
    expect(written).toBeGreaterThan(300);
    expect(readFrom(main)).toEqual(Array.from({ length: written }, (_, n) => ({ slot: n, tookMs: 0, result: bytesOf(n) })));
    expect(thread.write(written, 0, new Uint8Array(8))).toBe(true);
    expect(main.read().map(({ slot }) => slot)).toEqual([written]);
    expect(main.read()).toEqual([]);
  });

  it("refuses what is long", () => {
    const { thread } = pair();
    expect(thread.write(0, 0, new Uint8Array(4_096))).toBe(true);
    expect(thread.write(0, 0, new Uint8Array(4_097))).toBe(false);
  });

  it("gives results that do not change any more", () => {
    const { thread, main } = pair();
    thread.write(0, 0, new Uint8Array([1, 2, 3]));
    const [answer] = main.read();
    for (let n = 0; n < 20_000; n += 1) if (thread.write(1, 0, new Uint8Array(8).fill(9))) main.read();
    expect([...(answer?.result ?? [])]).toEqual([1, 2, 3]);
    expect(answer?.result.buffer).toBeInstanceOf(ArrayBuffer);
  });

  it("rings once until it was heard", () => {
    const { thread, main } = pair();
    expect([thread.ring(), thread.ring()]).toEqual([true, false]);
    main.hear();
    expect([thread.ring(), thread.ring()]).toEqual([true, false]);
  });

  it("joins two threads that go at full speed", async () => {
    const count = 200_000;
    const buffer = new SharedArrayBuffer(ANSWER_RING_BYTES);
    const worker = new Worker(new URL("../../fixtures/threads/ring-writer.js", import.meta.url), { workerData: { buffer, count }, execArgv: [] });
    onTestFinished(async () => void (await worker.terminate()));
    const main = new AnswerRing(buffer, 0);
    for (let n = 0; n < count; ) {
      for (const answer of main.read()) {
        if (answer.slot !== n % 256 || answer.tookMs !== n || answer.result.length !== n % 50 || answer.result.some((byte) => byte !== n % 251)) {
          expect({ n, answer }).toBe("as it was written");
        }
        n += 1;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(main.read()).toEqual([]);
  });
});
