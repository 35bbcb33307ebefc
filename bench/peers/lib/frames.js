// Many values in one message.

import { Packr, RESET_BUFFER_MODE } from "msgpackr";

const packr = new Packr({ moreTypes: true });

/**
 * @param {readonly unknown[]} values
 * @returns {Uint8Array<ArrayBuffer>} with a buffer of its own, so that it can be moved
 */
export function pack(values) {
  return new Uint8Array(packr.pack(values, RESET_BUFFER_MODE));
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {readonly unknown[]}
 */
export function unpack(bytes) {
  return packr.unpack(bytes);
}
