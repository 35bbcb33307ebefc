/** Reads every byte, four at a time. */
export function readAll(bytes: Uint8Array): number;
