import { exponential } from "../../dist/src/job/backoff.js";
import type { ClaimedJob } from "../../dist/src/job/job-record.js";
import { nextTransition, type Outcome } from "../../dist/src/job/lifecycle.js";
import { runMicro } from "../lib/micro.js";
import type { Options, Section } from "../lib/report.js";
import { claimedJob, NOW } from "../lib/sample-jobs.js";

const OPS = 1_000;
const CIRCUMSTANCES = { now: NOW, random: 0.5, cancelRequested: false, progress: null };
const OK: Outcome = { kind: "ok", result: { bytes: new Uint8Array(8), attachments: [] } };
const ERROR = { name: "Error", message: "no", stack: null, code: null };
const FAILED: Outcome = { kind: "failed", failure: { reason: "threw", error: ERROR, exitCode: null }, fatal: false, retryDelayMs: null };

export function lifecycleBench(options: Options): Promise<Section> {
  const job = claimedJob();
  const retried = { ...claimedJob(), attempt: 3, backoff: exponential() };
  const cases = [
    { name: "completed", ops: OPS, run: () => decide(job, OK) },
    { name: "retrying, exponential backoff", ops: OPS, run: () => decide(retried, FAILED) },
    { name: "dead", ops: OPS, run: () => decide({ ...job, attempt: 6 }, FAILED) },
  ];
  return runMicro("Lifecycle: the next state of a job", cases, options);
}

function decide(job: ClaimedJob, outcome: Outcome): number {
  let sum = 0;
  for (let index = 0; index < OPS; index += 1) sum += nextTransition(job, outcome, CIRCUMSTANCES).runAt;
  return sum;
}
