export interface BareFrame {
  readonly bytes: Uint8Array;
  /** Where each payload ends. */
  readonly ends: Uint32Array;
}
export function packFrame(count: number, payloadOf: (index: number) => unknown): BareFrame;
export function unpackFrame(frame: BareFrame, take: (payload: unknown) => void): void;
