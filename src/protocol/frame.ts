/**
 * The jobs of one message to a thread, in columns: copying a few flat arrays from thread to thread costs a tenth of copying
 * as many objects.
 */

import type { FrameJob } from "./messages.js";

/** A larger payload travels alone: joining it to others would only copy it once more. */
const LARGEST_JOINED = 16 * 1_024;

/** What most jobs have of these. */
const NO_META: FrameJob["meta"] = Object.freeze({});
const NO_ATTACHMENTS: FrameJob["attachments"] = Object.freeze([]);

export interface Frame {
  readonly ids: readonly string[];
  /** Each once. */
  readonly names: readonly string[];
  /** `FIELDS` numbers for each job. */
  readonly numbers: Float64Array;
  /** The payloads, one after the other, but for the large ones. */
  readonly payloads: Uint8Array;
  /** What only some jobs have, by their place in the frame. */
  readonly extras: ReadonlyMap<number, Extra>;
}

interface Extra {
  readonly meta: FrameJob["meta"];
  readonly attachments: FrameJob["attachments"];
  readonly largePayload: Uint8Array | null;
}

const FIELDS = 7;

export function packFrame(jobs: readonly FrameJob[]): Frame {
  const names: string[] = [];
  const numbers = new Float64Array(jobs.length * FIELDS);
  const extras = new Map<number, Extra>();
  let size = 0;
  for (const { payload } of jobs) if (payload.byteLength <= LARGEST_JOINED) size += payload.byteLength;
  const payloads = new Uint8Array(size);
  let end = 0;
  for (const [index, job] of jobs.entries()) {
    const { payload, meta, attachments } = job;
    const isLarge = payload.byteLength > LARGEST_JOINED;
    if (!isLarge) {
      payloads.set(payload, end);
      end += payload.byteLength;
    }
    if (isLarge || attachments.length > 0 || !isEmpty(meta)) extras.set(index, { meta, attachments, largePayload: isLarge ? payload : null });
    numbers.set([job.slot, indexOf(names, job.name), job.attempt, job.maxRetries, job.depth, job.customBackoff ? 1 : 0, end], index * FIELDS);
  }
  return { ids: jobs.map(({ id }) => id), names, numbers, payloads, extras };
}

export function unpackFrame({ ids, names, numbers, payloads, extras }: Frame): FrameJob[] {
  let start = 0;
  return ids.map((id, index): FrameJob => {
    const [slot = 0, name = 0, attempt = 0, maxRetries = 0, depth = 0, customBackoff = 0, end = 0] = numbers.subarray(index * FIELDS, (index + 1) * FIELDS);
    const { meta = NO_META, attachments = NO_ATTACHMENTS, largePayload = null } = extras.get(index) ?? {};
    const payload = largePayload ?? payloads.subarray(start, end);
    start = end;
    return { slot, id, name: names[name] ?? "", attempt, maxRetries, depth, meta, payload, attachments, customBackoff: customBackoff === 1 };
  });
}

function indexOf(names: string[], name: string): number {
  const index = names.indexOf(name);
  return index === -1 ? names.push(name) - 1 : index;
}

function isEmpty(meta: FrameJob["meta"]): boolean {
  for (const _ in meta) return false;
  return true;
}
