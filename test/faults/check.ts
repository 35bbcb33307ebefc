/**
 * What every row of faults is held to: a job goes wrong in one way, with innocent neighbours on its thread (or, where the thread
 * has room for one job alone, behind it) and in another queue. The fault ends as expected, and the neighbours never pay.
 */

import { createEngine, type Engine, type EngineEvents, type EngineOptions, type EnqueueOptions, type JobHandle } from "millrace";
import { expect, onTestFinished } from "vitest";
import { newGate, open } from "../integration/gates.js";
import { type Sabotage, sabotagedEngine } from "./sabotage.js";

export interface ExpectedExit {
  readonly reason: EngineEvents["thread:exited"]["reason"];
  readonly exitCode?: number | null;
  readonly stuckAt?: unknown;
  /** Whether the fault pays for it; nobody else ever does. Default false. */
  readonly charged?: boolean;
  /** How many. Default 0. */
  readonly suspects?: number;
  readonly returned?: number;
}

export interface Row {
  readonly job: string;
  readonly payload?: unknown;
  /** Default: no retries. */
  readonly options?: EnqueueOptions | undefined;
  /** How it ends. */
  readonly state?: "completed" | "dead" | "cancelled" | undefined;
  /** How many runs it is charged with. Default 1. */
  readonly attempt?: number | undefined;
  /** How often it is handed to a thread. Default: as often as it is charged. */
  readonly starts?: number | undefined;
  readonly result?: unknown;
  /** What its result rejects with. */
  readonly error?: object | undefined;
  /** What is told of code that it has left behind. */
  readonly late?: object | undefined;
  /** The ends of threads until all have ended, in order. */
  readonly exits?: readonly ExpectedExit[] | undefined;
  /** Threads that native code holds beyond their end. Default 0. */
  readonly leaks?: number | undefined;
  /** What is different if it cannot be told in time who holds the thread, as happens on a busy machine. */
  readonly unread?: Partial<Row> | undefined;
  /** What happens once it was handed to a thread. */
  readonly meanwhile?: ((job: JobHandle, stage: Stage) => unknown) | undefined;
  /** What must hold when it has ended, before its neighbours go on. */
  readonly then?: ((engine: Engine, events: readonly Told[]) => unknown) | undefined;
}

/** Any event, in the order in which they came. */
export type Told = { [Name in keyof EngineEvents]: { readonly name: Name; readonly event: EngineEvents[Name] } }[keyof EngineEvents];

const TOLD = ["started", "log", "completed", "retrying", "dead", "cancelled", "rescued", "late-error", "thread:exited", "thread:leaked", "unhealthy"] as const;
/** An engine that goes on for ever is not waited for. */
const MOST_STARTS = 8;

export interface Stage {
  readonly engine: Engine;
  readonly concurrency: number;
  readonly events: Told[];
  readonly until: <Found>(find: () => Found | undefined) => Promise<Found>;
}

export interface StageOptions {
  /** Of the queue with the fault. Default 3: the fault and two neighbours. */
  readonly concurrency?: number;
  readonly queue?: NonNullable<EngineOptions["queues"]>[string];
  readonly engine?: EngineOptions;
  readonly sabotage?: Sabotage;
}

/** A started engine with a queue `default` for the fault and a queue `other` beside it. */
export async function openStage({ concurrency = 3, queue = {}, engine: options = {}, sabotage }: StageOptions = {}): Promise<Stage> {
  const all: EngineOptions = {
    jobs: new URL("../fixtures/faults/jobs.js", import.meta.url),
    queues: { default: { threads: 1, concurrency, ...queue }, other: { threads: 1 } },
    grace: 100,
    ...options,
  };
  const engine = sabotage === undefined ? createEngine(all) : sabotagedEngine(all, sabotage);
  const events: Told[] = [];
  const looks = new Set<() => void>();
  for (const name of TOLD) {
    engine.on(name, (event) => {
      events.push({ name, event } as Told);
      for (const look of [...looks]) look();
    });
  }
  await engine.start();
  const until: Stage["until"] = (find) =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        looks.delete(look);
        resolve(found);
      };
      looks.add(look);
      look();
    });
  return { engine, concurrency, events, until };
}

/** Checks a row on an engine of its own. Rejects if anything is not as it should be. */
export async function check(row: Row, options?: StageOptions): Promise<void> {
  const stage = await openStage(options);
  onTestFinished(async () => void (await stage.engine.stop({ timeout: 0 })));
  await checkOn(stage, row);
}

/** Checks a row on an engine that may have seen others. Rejects if anything is not as it should be. */
export async function checkOn(stage: Stage, plan: Row): Promise<void> {
  let row = plan;
  const { engine, events, until, concurrency } = stage;
  events.length = 0;
  const gate = new Gate(stage);
  const nearby = concurrency === 1 ? [] : [await gate.wait("default"), ...(concurrency === 2 ? [] : [await gate.wait("default")])];
  const neighbours = [...nearby, await gate.wait("other")];
  const fault = await engine.enqueue(row.job, row.payload ?? null, { maxRetries: 0, ...row.options });
  if (concurrency === 1) neighbours.push(await gate.enqueue("default"));
  const ofFault = (name: Told["name"]): readonly Told[] => events.filter((told) => told.name === name && "id" in told.event && told.event.id === fault.id);
  await until(() => ofFault("started")[0]);
  await row.meanwhile?.(fault, stage);

  const exits = (): EngineEvents["thread:exited"][] => events.flatMap(({ name, event }) => (name === "thread:exited" ? [event] : []));
  const isOver = (): boolean => (["completed", "dead", "cancelled"] as const).some((name) => ofFault(name).length > 0) || ofFault("started").length > MOST_STARTS;
  const hasShown = (): boolean => {
    // It may come before its neighbour is there to see it, and may not be told at all.
    const isSeen = (): boolean => events.some(({ name, event }) => name === "late-error" || (name === "log" && event.message === "saw a late error"));
    if (row.late !== undefined) return exits().length > 0 || isSeen();
    return row.exits === undefined ? isOver() : exits().length > 0;
  };
  await until(() => (hasShown() ? true : undefined));
  // Suspects run one after the other, and the fault may be the last of them.
  gate.open();
  await until(() => (isOver() ? true : undefined));
  expect(ofFault("started").length).toBeLessThanOrEqual(MOST_STARTS);
  if ((exits()[0]?.suspects.length ?? 0) > 0) row = { ...row, ...row.unread };

  expect(await outcomeOf(fault)).toMatchObject(row.error === undefined ? { result: row.result } : { error: row.error });
  const attempt = row.attempt ?? 1;
  expect(await fault.info()).toMatchObject({ state: row.state ?? (row.error === undefined ? "completed" : "dead"), attempt });
  expect({ starts: ofFault("started").length }).toEqual({ starts: row.starts ?? attempt });
  expect(ofFault("late-error").map(({ event }) => event)).toMatchObject(row.late === undefined ? [] : [row.late]);
  await row.then?.(engine, events);

  for (const neighbour of neighbours) {
    expect(await outcomeOf(neighbour)).toEqual({ result: 1 });
    expect(await neighbour.info()).toMatchObject({ state: "completed", attempt: 1 });
  }
  expect(events.filter(({ name }) => name === "late-error")).toHaveLength(row.late === undefined ? 0 : 1);
  await until(() => (exits().length >= (row.exits?.length ?? 0) ? true : undefined));
  expect(await engine.run("echo", "next")).toBe("next");
  expect(exits().map((exit) => summary(exit, fault.id))).toMatchObject((row.exits ?? []).map((exit) => ({ charged: false, suspects: 0, returned: 0, ...exit })));
  const { leaks = 0 } = row;
  const leaked = events.flatMap(({ name, event }) => (name === "thread:leaked" ? [event] : []));
  expect(leaked).toEqual(Array.from({ length: leaks }, () => ({ queue: "default", thread: 0 })));
  expect((await engine.stats()).queues["default"]).toMatchObject({ leakedThreads: leaks });
  for (const { report } of exits()) expect(report).toMatch(/^thread 0 of queue "default" [^\n]+$/);
}

/** A row must be found wrong on an engine that is broken in this way. */
export async function mustFail(row: Row, options: StageOptions & { readonly sabotage: Sabotage }): Promise<void> {
  await expect(check(row, options)).rejects.toMatchObject({ name: "AssertionError" });
}

function summary(exit: EngineEvents["thread:exited"], fault: string): unknown {
  const { charged, suspects, returned, ...rest } = exit;
  const strangers = charged.filter(({ id }) => id !== fault);
  return { ...rest, strangers, charged: charged.length > 0, suspects: suspects.length, returned: returned.length };
}

async function outcomeOf(job: JobHandle): Promise<unknown> {
  return job.result().then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );
}

/** Where the neighbours wait until the fault has happened, also when they run once more. */
class Gate {
  readonly #stage: Stage;
  readonly #name = newGate();
  #isOpen = false;

  constructor(stage: Stage) {
    this.#stage = stage;
    const off = stage.engine.on("log", ({ message }) => {
      if (message === "waiting" && this.#isOpen) open(this.#name);
    });
    onTestFinished(off);
  }

  enqueue(queue: string): Promise<JobHandle> {
    return this.#stage.engine.enqueue("wait", this.#name, { queue, maxRetries: 0 });
  }

  async wait(queue: string): Promise<JobHandle> {
    const { events, until } = this.#stage;
    const job = await this.enqueue(queue);
    await until(() => events.find(({ name, event }) => name === "log" && event.id === job.id));
    return job;
  }

  open(): void {
    this.#isOpen = true;
    open(this.#name);
  }
}
