import { addExtension, Packr, RESERVE_START_SPACE, RESET_BUFFER_MODE, REUSE_BUFFER_MODE } from "msgpackr";
import { types } from "node:util";

import { PayloadError } from "../errors.js";
import { Box, openBox } from "./payload-box.js";
import { type MovedBuffer, PayloadCheck } from "./payload-check.js";
import { Refusal } from "./payload-path.js";

/** A value as bytes, with the buffers that travel beside them by transfer. */
export interface Encoded {
  /** Nobody writes to it. */
  readonly bytes: Uint8Array;
  readonly attachments: readonly ArrayBuffer[];
}

/** Encoded bytes among others. Cheaper than a view of their own. */
export interface ByteRange {
  /** No `Buffer`: it would make Buffers of what is read. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export interface EncodeOptions {
  /** The first word of paths: `"payload"` or `"result"`. */
  readonly root: string;
  readonly maxBytes: number;
  /** Buffers that occur in the value and are moved instead of copied. */
  readonly transfer?: readonly ArrayBuffer[];
}

/** The first byte of all bytes: how the others are to be read. */
const FORMAT = 1;
/** Left free in front of what msgpackr writes. */
const FORMAT_BYTES = 1;

/** What msgpackr starts with. */
const ARENA_BYTES = 8 * 1024;
const MAX_ARENA_BYTES = 1024 * 1024;

const packr = new Packr({
  // Maps instead of records: each value stands for itself, and packing single small values is faster.
  useRecords: false,
  variableMapSize: true,
  // Without it typed arrays are cut to bytes and filled up with foreign memory.
  moreTypes: true,
  useToJSON: false,
  // Damaged bytes must not be able to build a cycle.
  structuredClone: false,
  // A view on the source would keep all of it in memory.
  copyBuffers: true,
  // The check lets no function through, so this is only met when a value changes between check and packing.
  writeFunction: () => {
    throw new Error("A function turned up while packing.");
  },
});

/** What the box that is being read may refer to. */
let openAttachments: readonly ArrayBuffer[] = [];

// Extensions are shared by all users of msgpackr in a thread; this number is far from the ones people start with.
addExtension({
  Class: Box,
  type: 0x4d,
  write: (box: Box) => box.content,
  read: (content: unknown) => openBox(content, openAttachments),
});

/**
 * A payload or result as bytes.
 *
 * The buffers in `transfer` are detached by this call, but only when it succeeds.
 *
 * @throws PayloadError if the value would not arrive as it is, or is too big; nothing else
 */
export function encode(value: unknown, options: EncodeOptions): Encoded {
  const { transfer } = options;
  if (transfer === undefined || transfer.length === 0) {
    return { bytes: toBytes(value, options, undefined), attachments: NO_ATTACHMENTS };
  }
  const buffers = indexBuffers(transfer);
  const bytes = toBytes(value, options, buffers);
  for (const [buffer, { found }] of buffers) {
    if (!found) throw transferError(transfer.indexOf(buffer), `it does not occur in the ${options.root}`);
  }
  return { bytes, attachments: move([...buffers.keys()]) };
}

/**
 * The value that was encoded. Views on attachments refer to these very buffers, everything else is a copy.
 *
 * @param root how the value is called in the error
 * @throws PayloadError if the bytes are damaged; its message never shows what is in them
 */
export function decode({ bytes, attachments }: Encoded, root = "payload"): unknown {
  const { byteOffset: start, byteLength } = bytes;
  return decodeRange({ bytes: wholeOf(bytes.buffer), start, end: start + byteLength }, attachments, root);
}

/** Of this size and smaller, many results may share a buffer. */
const SMALL_BUFFER_BYTES = 64 * 1_024;
let lastWhole = new Uint8Array();

/**
 * All of a buffer. Not the view that is at hand, which may be a Buffer, and to which msgpackr would add a property; and one for all
 * that come one after the other out of the same buffer.
 */
function wholeOf(buffer: ArrayBufferLike): Uint8Array {
  if (buffer.byteLength > SMALL_BUFFER_BYTES) return new Uint8Array(buffer);
  if (lastWhole.buffer !== buffer) lastWhole = new Uint8Array(buffer as ArrayBuffer);
  return lastWhole;
}

/** As `decode`. */
export function decodeRange({ bytes, start, end }: ByteRange, attachments: readonly ArrayBuffer[], root = "payload"): unknown {
  const format = start < end ? bytes[start] : undefined;
  if (format !== FORMAT) {
    const problem = format === undefined ? "there are no bytes" : `this version does not know the format ${format}`;
    throw new PayloadError(`${root} cannot be read: ${problem}`, { path: root });
  }
  const outer = openAttachments;
  openAttachments = attachments;
  try {
    if (start + FORMAT_BYTES === end) throw new Error("there is only a format");
    return packr.unpack(bytes, { start: start + FORMAT_BYTES, end }) as unknown;
  } catch {
    // No cause: the errors of msgpackr quote what they read.
    throw new PayloadError(`${root} cannot be read: its bytes are damaged`, { path: root });
  } finally {
    openAttachments = outer;
  }
}

const NO_ATTACHMENTS: readonly ArrayBuffer[] = Object.freeze([]);

type MovedBuffers = ReadonlyMap<ArrayBuffer, MovedBuffer>;

/** One that is listed twice has one place. */
function indexBuffers(transfer: readonly ArrayBuffer[]): MovedBuffers {
  if (!Array.isArray(transfer)) throw new PayloadError("transfer must be an array of ArrayBuffers", { path: "transfer" });
  const buffers = new Map<ArrayBuffer, MovedBuffer>();
  for (const [index, buffer] of (transfer as readonly ArrayBuffer[]).entries()) {
    if (!types.isArrayBuffer(buffer)) throw transferError(index, "it is no ArrayBuffer");
    if (!buffers.has(buffer)) buffers.set(buffer, { index: buffers.size, found: false });
  }
  return buffers;
}

function toBytes(value: unknown, { root, maxBytes }: EncodeOptions, transfer: MovedBuffers | undefined): Uint8Array {
  let attached = 0;
  for (const buffer of transfer?.keys() ?? []) attached += buffer.byteLength;
  const check = new PayloadCheck({ maxBytes, reserved: attached + FORMAT_BYTES, transfer });
  try {
    const bytes = pack(check.check(value));
    const size = bytes.byteLength + attached;
    if (size > maxBytes) throw Refusal.ofRoot(`it needs ${size} bytes, and the limit is ${maxBytes}`);
    return bytes;
  } catch (problem) {
    throw Refusal.toPayloadError(problem, root);
  }
}

function pack(value: unknown): Uint8Array {
  let arena: number | undefined;
  try {
    const packed = packr.pack(value, PACK_MODE | FORMAT_BYTES) as Packed;
    arena = packed.byteLength;
    packed[packed.start] = FORMAT;
    return copyOf(packed);
  } catch (error) {
    throw new Refusal("packing it fails", { thrown: error });
  } finally {
    // It never shrinks by itself, and after a failure its size is not known.
    if (arena === undefined || arena > MAX_ARENA_BYTES) packr.useBuffer(Buffer.allocUnsafeSlow(ARENA_BYTES));
  }
}

/** The arena itself, since a view of it costs more than packing a small value. */
const PACK_MODE = RESERVE_START_SPACE | RESET_BUFFER_MODE | REUSE_BUFFER_MODE;
type Packed = Buffer & { readonly start: number; readonly end: number };
/** Fewer are copied sooner one by one. */
const FEW_BYTES = 64;

/** The packed bytes are a piece of the arena; posting them would send all of it. */
function copyOf(packed: Packed): Uint8Array {
  const { start, end } = packed;
  const length = end - start;
  const bytes = new Uint8Array(length);
  if (length > FEW_BYTES) bytes.set(packed.subarray(start, end));
  else for (let index = 0; index < length; index += 1) bytes[index] = packed[start + index] ?? 0;
  return bytes;
}

/** Takes the buffers away from their owner. Either all of them move or none. */
function move(buffers: ArrayBuffer[]): readonly ArrayBuffer[] {
  try {
    return structuredClone(buffers, { transfer: buffers });
  } catch (error) {
    throw new PayloadError("transfer cannot be carried out: Node refuses to move one of the buffers", { path: "transfer", cause: error });
  }
}

function transferError(index: number, reason: string): PayloadError {
  const path = `transfer[${index}]`;
  return new PayloadError(`${path} cannot be moved: ${reason}`, { path });
}
