/** What is told of the end of a thread: why it ended, whose runs pay for it, and whose do not. */

import type { Clock } from "../clock.js";
import type { ChargedRun, ThreadExit, ThreadExitReason } from "../events.js";
import type { JobId } from "../job/job-record.js";
import type { StopReason } from "../protocol/control-block.js";
import { toWireError, type WireError } from "../protocol/wire-error.js";
import type { Flight } from "./flights.js";
import type { Death, Lane } from "./pool.js";
import type { RetireCause } from "./retirement.js";

export type LaneExit = Omit<ThreadExit, "error"> & { readonly error: WireError | null };

export interface ExitFacts {
  readonly queue: string;
  readonly lane: Lane;
  readonly death: Death;
  readonly killedFor: StopReason | null;
  /** Why it was retired, if it was. */
  readonly retired: RetireCause | undefined;
  readonly charged: readonly Flight[];
  readonly suspects: readonly Flight[];
  readonly returned: readonly Flight[];
}

export function exitReport(facts: ExitFacts, clock: Clock): LaneExit {
  const { queue, lane, death, retired } = facts;
  const ids = (flights: readonly Flight[]): JobId[] => flights.map(({ job }) => job.id);
  const exit = {
    ...{ queue, thread: lane.thread, exitCode: death.exitCode, stuckAt: death.stuckAt, reason: reasonOf(facts) },
    error: death.error === null ? strayOf(retired) : toWireError(death.error),
    charged: facts.charged.map((flight) => chargedRun(flight, clock)),
    suspects: ids(facts.suspects),
    returned: ids(facts.returned),
  };
  return { ...exit, report: inOneLine(exit, retired) };
}

function strayOf(retired: RetireCause | undefined): WireError | null {
  return typeof retired === "object" ? retired : null;
}

function reasonOf({ death, killedFor }: ExitFacts): ThreadExitReason {
  switch (death.cause) {
    case "memory":
      return "memory";
    case "exited":
      return "exit";
    case "ended":
      return "retired";
    case "killed":
      // Also what was told to end, but took too long over it.
      return killedFor === null ? "retired" : killedFor === "timeout" ? "deadline" : "cancel";
  }
}

function chargedRun({ job, lane, toldProgress, log }: Flight, clock: Clock): ChargedRun {
  const { id, name, attempt } = job;
  const startedAt = lane.startedAt(id);
  const ranMs = startedAt === null ? 0 : Math.max(clock.monotonic() - startedAt, 0);
  return { id, name, attempt, ranMs, progress: lane.progress(id) ?? toldProgress, log: [...log] };
}

const WHAT: Readonly<Record<ThreadExitReason, string>> = {
  retired: "was ended",
  deadline: "was ended, since a job went on after its deadline",
  cancel: "was ended, since a job went on after it was cancelled",
  memory: "broke its heap limit",
  exit: "exited",
};

function whyRetired(retired: RetireCause | undefined): string {
  if (retired === undefined) return "";
  if (retired === "jobs") return ", since it had run as many jobs as maxJobsPerThread allows";
  return retired === "heap" ? ", since its heap held more than maxHeapPerThread allows" : ", since an error was caught by no run";
}

function inOneLine(exit: Omit<LaneExit, "report">, retired: RetireCause | undefined): string {
  const { queue, thread, reason, exitCode, error, stuckAt, charged, suspects, returned } = exit;
  const code = reason === "exit" && exitCode !== null ? ` with code ${exitCode}` : "";
  const why = reason === "retired" ? whyRetired(retired) : "";
  const parts = [`thread ${thread} of queue "${queue}" ${WHAT[reason]}${code}${why}`];
  if (error !== null) parts.push(`${error.name}: ${error.message}`);
  if (stuckAt !== null) parts.push(`stuck ${(stuckAt.trim().split("\n")[0] ?? "").trim()}`);
  parts.push(...charged.map(describeRun));
  if (suspects.length > 0) parts.push(`suspected, to run again alone: ${list(suspects)}`);
  if (returned.length > 0) parts.push(`given back: ${list(returned)}`);
  return parts.join("; ").replaceAll(/\s+/g, " ");
}

function describeRun({ id, name, attempt, ranMs, progress, log }: ChargedRun): string {
  const done = progress === null ? "" : `, at ${Math.round(progress * 100)} %`;
  const last = log.at(-1);
  const said = last === undefined ? "" : `, last log line "${shortened(last.message)}"`;
  return `charged to job "${name}" (${id}), run ${attempt}, after ${Math.round(ranMs)} ms${done}${said}`;
}

const LONGEST_LINE = 200;
const MOST_IDS = 10;

function shortened(text: string): string {
  return text.length <= LONGEST_LINE ? text : `${text.slice(0, LONGEST_LINE)}…`;
}

function list(ids: readonly JobId[]): string {
  const more = ids.length <= MOST_IDS ? "" : ` and ${ids.length - MOST_IDS} more`;
  return `${ids.slice(0, MOST_IDS).join(", ")}${more}`;
}
