/**
 * The jobs of one message to a thread, in columns: copying a few flat arrays from thread to thread costs a tenth of copying
 * as many objects.
 */

import { type ClaimedJob, isEmptyMeta } from "../job/job-record.js";
import { packBytes, type PackedBytes, unpackBytes } from "../job/packed-bytes.js";
import type { FrameJob } from "./messages.js";

/** A larger payload travels alone: joining it to others would only copy it once more. */
const LARGEST_JOINED = 16 * 1_024;

/** What most jobs have of these. */
const NO_META: FrameJob["meta"] = Object.freeze({});
const NO_ATTACHMENTS: FrameJob["attachments"] = Object.freeze([]);
const NO_EXTRA: Extra = Object.freeze({ meta: NO_META, attachments: NO_ATTACHMENTS, largePayload: null });

export interface Frame {
  /** The ids, one after the other. */
  readonly ids: string;
  /** Each once. */
  readonly names: readonly string[];
  /** `FIELDS` numbers for each job. */
  readonly numbers: Float64Array | readonly number[];
  /** The payloads, one after the other, but for the large ones. */
  readonly payloads: PackedBytes;
  /** What only some jobs have, by their place in the frame. */
  readonly extras: ReadonlyMap<number, Extra> | null;
}

interface Extra {
  readonly meta: FrameJob["meta"];
  readonly attachments: FrameJob["attachments"];
  readonly largePayload: Uint8Array | null;
}

/** What a thread must know of a job. */
export type FramedJob = Pick<ClaimedJob, "id" | "name" | "attempt" | "maxRetries" | "depth" | "meta" | "payload" | "attachments" | "backoff">;

/** Of a job: slot, name, attempt, maxRetries, depth, whether its backoff is a function, ends of its payload and of its id. */
const FIELDS = 8;
/** Typed arrays are fast to fill and slow to copy: so few numbers, and bytes, travel sooner as others do. */
const FEW_JOBS = 8;

/** @param slots of the jobs, in the same order */
export function packFrame(jobs: readonly FramedJob[], slots: readonly number[]): Frame {
  const ids: string[] = [];
  const names: string[] = [];
  const numbers = jobs.length > FEW_JOBS ? new Float64Array(jobs.length * FIELDS) : new Array<number>(jobs.length * FIELDS);
  let extras: Map<number, Extra> | null = null;
  let size = 0;
  for (const { payload } of jobs) if (payload.byteLength <= LARGEST_JOINED) size += payload.byteLength;
  const payloads = new Uint8Array(size);
  let end = 0;
  let idsEnd = 0;
  // Element by element: a list for each job, or a view, would cost more than all the rest.
  jobs.forEach((job, index) => {
    const at = index * FIELDS;
    const { payload, meta, attachments } = job;
    const isLarge = payload.byteLength > LARGEST_JOINED;
    if (!isLarge) {
      payloads.set(payload, end);
      end += payload.byteLength;
    }
    if (isLarge || attachments.length > 0 || !isEmptyMeta(meta)) (extras ??= new Map<number, Extra>()).set(index, { meta, attachments, largePayload: isLarge ? plainView(payload) : null });
    ids.push(job.id);
    numbers[at] = slots[index] ?? 0;
    numbers[at + 1] = indexOf(names, job.name);
    numbers[at + 2] = job.attempt;
    numbers[at + 3] = job.maxRetries;
    numbers[at + 4] = job.depth;
    numbers[at + 5] = job.backoff === null ? 1 : 0;
    numbers[at + 6] = end;
    numbers[at + 7] = idsEnd += job.id.length;
  });
  return { ids: ids.join(""), names, numbers, payloads: packBytes(payloads), extras };
}

export function unpackFrame({ ids, names, numbers, payloads: packed, extras }: Frame): FrameJob[] {
  const payloads = unpackBytes(packed);
  let start = 0;
  let idStart = 0;
  const number = (at: number): number => numbers[at] ?? 0;
  return Array.from({ length: numbers.length / FIELDS }, (_, index): FrameJob => {
    const at = index * FIELDS;
    const { meta, attachments, largePayload } = extras?.get(index) ?? NO_EXTRA;
    const end = number(at + 6);
    const payload = largePayload === null ? { bytes: payloads, start, end } : { bytes: largePayload, start: 0, end: largePayload.byteLength };
    start = end;
    const id = ids.slice(idStart, number(at + 7));
    idStart = number(at + 7);
    return {
      slot: number(at),
      id,
      name: names[number(at + 1)] ?? "",
      attempt: number(at + 2),
      maxRetries: number(at + 3),
      depth: number(at + 4),
      meta,
      payload,
      attachments,
      customBackoff: number(at + 5) === 1,
    };
  });
}

/** A store may give a Buffer. */
function plainView({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function indexOf(names: string[], name: string): number {
  const index = names.indexOf(name);
  return index === -1 ? names.push(name) - 1 : index;
}
