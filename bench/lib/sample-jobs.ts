/** Jobs as a storage sees them. */

import type { ClaimedJob, NewJob } from "../../dist/src/job/job-record.js";

export const NOW = 1_700_000_000_000;

const PAYLOAD = new Uint8Array(32).fill(1);
const NO_META = Object.freeze({});
let made = 0;

/** Ids come in order. */
export function newJob(): NewJob {
  made += 1;
  return {
    id: `job-${String(made).padStart(12, "0")}`,
    name: "job",
    queue: "default",
    payload: PAYLOAD,
    attachments: [],
    priority: 0,
    maxRetries: 5,
    backoff: null,
    timeoutMs: null,
    depth: 0,
    runAt: NOW,
    createdAt: NOW,
    unique: null,
    meta: NO_META,
  };
}

export function claimedJob(): ClaimedJob {
  return {
    ...newJob(),
    state: "running",
    attempt: 1,
    fence: 1,
    runner: "runner",
    startedAt: NOW,
    finishedAt: null,
    failure: null,
    result: null,
    resultMoved: false,
    cancelRequested: false,
    progress: null,
  };
}
