/** How calls and their answers travel between the main thread and the storage's. Only the verbs that move many jobs at once need more than structured cloning. */

import type { ClaimedJob, NewJob } from "../../job/job-record.js";
import type { Transition } from "../../job/lifecycle.js";
import type { Enqueued, Storage } from "../storage.js";
import type { Answer, Call, Verb } from "./calls.js";
import { type Columns, fromColumns, toColumns } from "./columns.js";

/** Answers to `enqueue` that are not what is expected: that the job is stored. By index. */
type Unexpected = readonly (readonly [index: number, answer: Enqueued | "full"])[];
type Jobs = readonly NewJob[];

/** What is posted for the arguments of a call. */
export function packArgs<Name extends Verb>(verb: Name, args: Parameters<Storage[Name]>): readonly unknown[] {
  const [first, ...rest] = args as readonly [unknown, ...unknown[]];
  switch (verb) {
    case "enqueue":
    case "complete":
      return [toColumns<NewJob | Transition>(first as Jobs | readonly Transition[]), ...rest];
    case "tick": {
      const request = first as Parameters<Storage["tick"]>[0];
      return [{ ...request, job: withOwnBytes(request.job) }];
    }
    case "saveSchedule": {
      const schedule = first as Parameters<Storage["saveSchedule"]>[0];
      return [{ ...schedule, template: withOwnBytes(schedule.template) }];
    }
    default:
      return args;
  }
}

export function unpackCall(call: Call): Call {
  if (call.verb === "enqueue") {
    const [jobs, ...rest] = call.args;
    return { ...call, args: [unpacked(jobs, copyOfJob), ...rest] };
  }
  return call.verb === "complete" ? { ...call, args: [unpacked(call.args[0], copyOfTransition)] } : call;
}

/**
 * Jobs that the calls of one transaction are about. What is more waits for the next: the main thread has the first answers to work on
 * meanwhile. Answered all at once, each of the two would wait for the other.
 */
export const MOST_WORK = 256;

/** How many jobs a call is about. */
export function workOf(call: Call): number {
  switch (call.verb) {
    case "enqueue":
    case "complete":
      return call.args[0].length;
    case "claim":
    case "prune":
      return call.args[0].limit;
    default:
      return 1;
  }
}

/** The type says what was packed. */
function unpacked<Row extends object>(rows: readonly Row[], copyOf: (row: Row) => Row): Row[] {
  return fromColumns(rows as unknown as Columns<Row>, copyOf);
}

function copyOfJob(job: NewJob): NewJob {
  const { id, name, queue, payload, attachments, priority, maxRetries, backoff, timeoutMs, depth, runAt, createdAt, unique, meta } = job;
  return { id, name, queue, payload, attachments, priority, maxRetries, backoff, timeoutMs, depth, runAt, createdAt, unique, meta };
}

function copyOfTransition(transition: Transition): Transition {
  const { id, fence, to, attempt, runAt, failure, result, resultMoved, progress, at } = transition;
  return { id, fence, to, attempt, runAt, failure, result, resultMoved, progress, at };
}

function copyOfClaimed(job: ClaimedJob): ClaimedJob {
  const { id, name, queue, payload, attachments, priority, maxRetries, backoff, timeoutMs, depth, runAt, createdAt, unique, meta } = job;
  const { state, attempt, fence, runner, startedAt, finishedAt, failure, result, resultMoved, cancelRequested, progress } = job;
  return {
    id, name, queue, payload, attachments, priority, maxRetries, backoff, timeoutMs, depth, runAt, createdAt, unique, meta,
    state, attempt, fence, runner, startedAt, finishedAt, failure, result, resultMoved, cancelRequested, progress,
  };
}

export function packAnswer(call: Call | undefined, answer: Answer): Answer {
  if ("error" in answer) return answer;
  const { id, value } = answer;
  if (call?.verb === "claim") return { id, value: toColumns(value as readonly ClaimedJob[]) };
  if (call?.verb === "enqueue") return { id, value: unexpected(call.args[0], value as readonly (Enqueued | "full")[]) };
  return answer;
}

export function unpackAnswer<Name extends Verb>(verb: Name, args: Parameters<Storage[Name]>, value: unknown): unknown {
  if (verb === "claim") return fromColumns(value as Columns<ClaimedJob>, copyOfClaimed);
  if (verb !== "enqueue") return value;
  const answers: (Enqueued | "full")[] = (args[0] as Jobs).map(({ id }) => ({ id, duplicate: false }));
  for (const [index, answer] of value as Unexpected) answers[index] = answer;
  return answers;
}

function unexpected(jobs: Jobs, answers: readonly (Enqueued | "full")[]): Unexpected {
  return [...answers.entries()].filter(([index, answer]) => answer === "full" || answer.duplicate || answer.id !== jobs[index]?.id);
}

/** A part of a larger buffer would be posted with all of it. */
function withOwnBytes<Kind extends { readonly payload: Uint8Array }>(job: Kind): Kind {
  const { payload } = job;
  return payload.byteLength === payload.buffer.byteLength ? job : { ...job, payload: new Uint8Array(payload) };
}
