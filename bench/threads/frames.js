// Many payloads in one message, each packed alone, as somebody would write it by hand who knew that all is well.

import { Packr } from "msgpackr";

const packr = new Packr({ useRecords: false, variableMapSize: true });
const scratch = new Uint8Array(64 * 1_024);

/**
 * @param {number} count
 * @param {(index: number) => unknown} payloadOf
 */
export function packFrame(count, payloadOf) {
  const ends = new Uint32Array(count);
  let end = 0;
  for (let index = 0; index < count; index += 1) {
    const packed = packr.pack(payloadOf(index));
    scratch.set(packed, end);
    end += packed.length;
    ends[index] = end;
  }
  return { bytes: scratch.slice(0, end), ends };
}

/**
 * @param {{ readonly bytes: Uint8Array, readonly ends: Uint32Array }} frame
 * @param {(payload: unknown) => void} take
 */
export function unpackFrame({ bytes, ends }, take) {
  let start = 0;
  for (const end of ends) {
    take(packr.unpack(bytes, { start, end }));
    start = end;
  }
}
