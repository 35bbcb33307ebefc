/**
 * What it takes to stop a job that holds its thread: from its deadline to the end of the thread, from there to a new thread and to
 * the neighbours running again, and how often the line is found where it was stuck.
 */

import { createEngine, type Engine, type EngineEvents, JobTimeoutError } from "millrace";
import { quantile, show } from "../lib/numbers.js";
import type { Options, Section } from "../lib/report.js";

const TIMEOUT_MS = 100;
const GRACE_MS = 100;
const KILLS = { full: 100, quick: 5 };
/** Kinds of code that holds a thread, and the function whose line is to be found. */
const KINDS: Readonly<Record<string, string>> = {
  loop: "stuckInLoop",
  calls: "stuckInCalls",
  regex: "stuckInRegex",
  sort: "stuckInSort",
  microtasks: "stuckInMicrotasks",
};

interface Kill {
  readonly kind: string;
  readonly deadAfterMs: number;
  readonly threadAfterMs: number;
  readonly neighbourAfterMs: number;
  readonly isLineFound: boolean;
}

export async function killsBench({ quick }: Options): Promise<readonly Section[]> {
  const engine = createEngine({
    jobs: new URL("../threads/stuck-jobs.js", import.meta.url),
    queues: { default: { threads: 1, concurrency: 2 } },
    grace: GRACE_MS,
    execArgv: [],
  });
  engine.on("thread:exited", () => undefined);
  await engine.start();
  try {
    const neighbour = await engine.enqueue("neighbour", null);
    const kinds = Object.keys(KINDS);
    const kills: Kill[] = [];
    for (let index = 0; index < KILLS[quick ? "quick" : "full"]; index += 1) kills.push(await killOne(engine, kinds[index % kinds.length] ?? ""));
    await neighbour.cancel();
    return [toSection(kills, (await neighbour.info())?.attempt ?? NaN)];
  } finally {
    await engine.stop({ timeout: 0 });
  }
}

async function killOne(engine: Engine, kind: string): Promise<Kill> {
  const dead = nextAt(engine, "thread:exited", () => true);
  const threadIsReady = nextAt(engine, "thread:started", () => true);
  const stuck = nextAt(engine, "log", ({ name }) => name === "stuck");
  const job = await engine.enqueue("stuck", kind, { timeout: TIMEOUT_MS, maxRetries: 0 });
  const startedAt = Number((await stuck).event.fields["at"]);
  const neighbourRuns = nextAt(engine, "log", ({ name }) => name === "neighbour");
  const error: unknown = await job.result().catch((reason: unknown) => reason);
  const deadAt = (await dead).at;
  return {
    kind,
    deadAfterMs: deadAt - (startedAt + TIMEOUT_MS),
    threadAfterMs: (await threadIsReady).at - deadAt,
    neighbourAfterMs: Number((await neighbourRuns).event.fields["at"]) - deadAt,
    isLineFound: error instanceof JobTimeoutError && (error.stuckAt?.includes(KINDS[kind] ?? "?") ?? false),
  };
}

function nextAt<Name extends keyof EngineEvents>(
  engine: Engine,
  name: Name,
  filter: (event: EngineEvents[Name]) => boolean,
): Promise<{ readonly event: EngineEvents[Name]; readonly at: number }> {
  return new Promise((resolve) => {
    const off = engine.on(name, (event) => {
      if (!filter(event)) return;
      off();
      resolve({ event, at: Date.now() });
    });
  });
}

function toSection(kills: readonly Kill[], neighbourAttempt: number): Section {
  const row = (name: string, values: readonly number[], aim: string): readonly string[] => {
    return [name, ...[0.5, 0.99, 1].map((q) => `${show(quantile(values, q))} ms`), aim];
  };
  const found = kills.filter(({ isLineFound }) => isLineFound).length;
  return {
    title: `${kills.length} threads that were stuck, grace ${GRACE_MS} ms`,
    notes: [
      `Kinds in turn: ${Object.keys(KINDS).join(", ")}. The line was found in ${found} of ${kills.length} (aim: 95 %).`,
      `The neighbour on the same thread was interrupted each time and is in run ${neighbourAttempt}, as in the beginning.`,
      "The end of a thread is when the engine tells of it; the neighbour runs when its own code says so.",
    ],
    columns: ["", "p50", "p99", "longest", "aim p50, p99"],
    rows: [
      row("deadline → thread is dead", kills.map((kill) => kill.deadAfterMs), `${GRACE_MS + 100}, ${GRACE_MS + 250} ms`),
      row("dead → new thread is ready", kills.map((kill) => kill.threadAfterMs), "–"),
      row("dead → neighbour runs again", kills.map((kill) => kill.neighbourAfterMs), "150 ms + loading"),
    ],
    data: { graceMs: GRACE_MS, found, neighbourAttempt, kills },
  };
}
