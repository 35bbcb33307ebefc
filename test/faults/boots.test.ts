/** Threads that cannot be started: the jobs wait and pay nothing, other queues do not notice, and it heals by itself. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createEngine } from "millrace";
import { describe, expect, it } from "vitest";
import { openStage, type Stage } from "./check.js";
import { type Sabotage, SABOTAGES } from "./sabotage.js";

/** Threads that hang while they start are given up after this; it must be enough for those that do not. */
const BOOT_TIMEOUT_MS = 4_000;
/** Most of the time they wait, so they do so together. */
const PATIENT = { timeout: 90_000, concurrent: true };

/** Runs when the test is over, which several are at once. */
type OnEnd = (end: () => Promise<void> | void) => void;

interface Breakage {
  readonly title: string;
  /** Of the state of one queue. */
  readonly mood?: string;
  /** The source of the jobs module; `null`: there is none. */
  readonly source?: string | null;
  readonly problem: RegExp;
}

const STATES: readonly Breakage[] = [
  { title: "a state factory that throws", mood: "throws", problem: /no state today/ },
  { title: "a state factory that throws null", mood: "throws null", problem: /null/ },
  { title: "a state factory that rejects", mood: "rejects", problem: /no state today/ },
  { title: "a state factory that never resolves", mood: "never resolves", problem: /4000 ms/ },
  { title: "a state factory that exits", mood: "exits", problem: /code 3/ },
  { title: "a state factory that loops", mood: "loops", problem: /4000 ms/ },
];

const MODULES: readonly Breakage[] = [
  { title: "a module with a syntax error", source: "export default {", problem: /Unexpected end of input/ },
  { title: "a module that is missing", source: null, problem: /Cannot find module/ },
  { title: "a module that throws", source: 'throw new RangeError("broken at load");', problem: /broken at load/ },
  { title: "a module that needs a missing one", source: 'import "./nowhere.js";', problem: /nowhere\.js/ },
  { title: "a module that exits", source: "process.exit(3);", problem: /code 3/ },
  { title: "a module that exports nothing", source: "", problem: /default export/ },
];

interface Scene {
  readonly jobs: URL;
  readonly moods: string;
  readonly breakIt: (breakage: Breakage) => void;
  readonly mend: () => void;
}

/** A module in a folder of its own, which can be broken and mended. */
function newScene(onEnd: OnEnd): Scene {
  const folder = mkdtempSync(join(tmpdir(), "millrace-"));
  onEnd(() => rmSync(folder, { recursive: true }));
  const moods = join(folder, "moods");
  mkdirSync(moods);
  const path = join(folder, "jobs.mjs");
  const mood = join(moods, "default");
  const mend = (): void => {
    writeFileSync(path, `export { default } from ${JSON.stringify(new URL("../fixtures/faults/jobs.js", import.meta.url).href)};`);
    rmSync(mood, { force: true });
  };
  mend();
  return {
    ...{ jobs: pathToFileURL(path), moods, mend },
    breakIt: ({ mood: next, source }) => {
      if (next !== undefined) writeFileSync(mood, next);
      if (source === null) rmSync(path);
      else if (source !== undefined) writeFileSync(path, source);
    },
  };
}

async function open(scene: Scene, onEnd: OnEnd, sabotage?: Sabotage): Promise<Stage> {
  const env = { MOODS: scene.moods };
  const stage = await openStage({ concurrency: 1, engine: { jobs: scene.jobs, env, bootTimeout: BOOT_TIMEOUT_MS }, ...(sabotage && { sabotage }) });
  onEnd(async () => void (await stage.engine.stop({ timeout: 0 })));
  return stage;
}

/** The only thread of a queue is lost, and no other can be started until the cause is mended. */
async function checkBreakage(breakage: Breakage, onEnd: OnEnd, sabotage?: Sabotage): Promise<void> {
  const scene = newScene(onEnd);
  const { engine, events, until } = await open(scene, onEnd, sabotage);
  scene.breakIt(breakage);
  await engine.run("exit", 1, { maxRetries: 0 }).catch(() => undefined);
  const told = await until(() => events.find(({ name }) => name === "unhealthy"));
  expect(told.event).toMatchObject({ queue: "default", error: { name: "JobsModuleError" } });
  const waiting = await engine.enqueue("echo", "patient", { maxRetries: 0 });
  const { queues } = await engine.stats();
  expect(queues["default"]).toMatchObject({ healthy: false, threads: 0, problem: expect.stringMatching(breakage.problem) as string });
  expect(queues["other"]).toMatchObject({ healthy: true, problem: null });
  expect(await engine.run("echo", "elsewhere", { queue: "other" })).toBe("elsewhere");
  // It has been tried in vain since the job came.
  const tries = events.filter(({ name }) => name === "unhealthy").length;
  await until(() => (events.filter(({ name }) => name === "unhealthy").length > tries ? true : undefined));
  expect(await waiting.info()).toMatchObject({ state: "waiting", attempt: 0, error: null });
  scene.mend();
  expect(await waiting.result()).toBe("patient");
  expect(await waiting.info()).toMatchObject({ state: "completed", attempt: 1 });
  expect((await engine.stats()).queues["default"]).toMatchObject({ healthy: true, problem: null, threads: 1 });
  expect(events.filter(({ name, event }) => name === "unhealthy" && event.queue !== "default")).toEqual([]);
}

describe("when the threads of a queue are lost, and cannot be started because of", () => {
  it.for([...STATES, ...MODULES])("$title", PATIENT, async (breakage, { onTestFinished }) => {
    await checkBreakage(breakage, onTestFinished);
  });
});

describe("start() rejects because of", () => {
  it.for([...STATES, ...MODULES])("$title; another engine in the process does not notice", PATIENT, async (breakage, { onTestFinished: onEnd }) => {
    const neighbour = await open(newScene(onEnd), onEnd);
    const scene = newScene(onEnd);
    scene.breakIt(breakage);
    const engine = createEngine({ jobs: scene.jobs, queues: { default: { threads: 1 } }, env: { MOODS: scene.moods }, bootTimeout: BOOT_TIMEOUT_MS });
    onEnd(async () => void (await engine.stop({ timeout: 0 })));
    const job = await engine.enqueue("echo", "early");
    await expect(engine.start()).rejects.toMatchObject({ code: "MILLRACE_JOBS_MODULE", message: expect.stringMatching(breakage.problem) as string });
    expect(await job.info()).toMatchObject({ state: "waiting", attempt: 0 });
    expect(await neighbour.engine.run("echo", 1)).toBe(1);
    scene.mend();
    await engine.start();
    expect(await job.result()).toBe("early");
    expect(await job.info()).toMatchObject({ attempt: 1 });
  });
});

describe("control", () => {
  it("jobs that pay for a thread that could not start are noticed", PATIENT, async ({ onTestFinished }) => {
    const [breakage] = STATES;
    if (breakage === undefined) throw new RangeError("no rows");
    await expect(checkBreakage(breakage, onTestFinished, SABOTAGES["boot failures are charged"])).rejects.toMatchObject({ name: "AssertionError" });
  });
});
