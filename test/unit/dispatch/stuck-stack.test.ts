import { once } from "node:events";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import inspector from "node:inspector";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";
import ts from "typescript";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/clock.js";
import { killWorker } from "../../../src/dispatch/kill-worker.js";
import { readStuckStack, type StuckStack } from "../../../src/dispatch/stuck-stack.js";
import { newPipe, whenRead } from "../../pipes.js";
import { CURRENT_RUN } from "../../../src/protocol/current-run.js";
import { settledWithin } from "../../../src/waiting.js";
import { manualClock } from "../../../src/testing/manual-clock.js";

const THREAD = new URL("../../fixtures/stuck/thread.js", import.meta.url);
const READER = new URL("../../fixtures/stuck/reader.js", import.meta.url);
const TSX = new URL("../../fixtures/stuck/tsx.js", import.meta.url);
const MAPPED = new URL("../../fixtures/stuck/mapped.ts", import.meta.url);
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

/** Two cores may be busy with other tests. */
const LIMIT_MS = 10_000;

const workers: Worker[] = [];
let scratch = "";

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "stuck-"));
});
afterAll(() => rm(scratch, { recursive: true }));
afterEach(async () => {
  await Promise.all(workers.splice(0).map(kill));
});

async function start(url: URL, options: WorkerOptions = {}): Promise<Worker> {
  const worker = new Worker(url, { execArgv: [], ...options });
  workers.push(worker);
  await once(worker, "message");
  await settled(worker, (options.workerData as { way?: string } | undefined)?.way === "nothing" ? "idle" : "active");
  return worker;
}

async function stuckIn(way: string, { run = `run of ${way}`, name = "" } = {}): Promise<Worker> {
  return start(THREAD, { workerData: { way, run }, name });
}

/** The thread has been at it for a while: deep in what it does, or waiting for something to do. */
async function settled({ performance }: Worker, state: "active" | "idle"): Promise<void> {
  const before = performance.eventLoopUtilization();
  while (performance.eventLoopUtilization(before)[state] < 20) await new Promise((resolve) => setImmediate(resolve));
}

function read({ threadId }: Worker, limitMs = LIMIT_MS): Promise<StuckStack | null> {
  return readStuckStack(threadId, { clock: systemClock(), ms: limitMs });
}

async function kill(worker: Worker): Promise<boolean> {
  // `-1` once it has exited.
  if (worker.threadId === -1) return true;
  const exited = once(worker, "exit");
  killWorker(worker, systemClock());
  return settledWithin(exited, { ms: LIMIT_MS, clock: systemClock() });
}

/** The line that ends with this comment, counted from 1. */
async function lineOf(url: URL, comment: string): Promise<number> {
  const lines = (await readFile(url, "utf8")).split("\n");
  return 1 + lines.findIndex((line) => line.endsWith(`// ${comment}`));
}

describe("the stack of a stuck thread", () => {
  const ways = ["loop", "regex", "wasm", "sort", "microtasks", "awaits", "ticks", "bigint", "atomics"];
  it.each(ways)("%s: tells the line and the run", async (way) => {
    const worker = await stuckIn(way);
    const stuck = await read(worker);
    expect(stuck?.stack).toContain(`${THREAD.href}:${await lineOf(THREAD, way)}:`);
    expect(stuck?.run).toBe(`run of ${way}`);
    const lines = stuck?.stack.split("\n") ?? [];
    for (const line of lines) expect(line).toMatch(/^ {4}at (\S+ \(\S+:\w+\)|\S+:\d+:\d+)$/);
    expect(await kill(worker)).toBe(true);
  });

  it("names the innermost function first, and has at most ten lines", async () => {
    const stuck = await read(await stuckIn("deep"));
    const lines = stuck?.stack.split("\n");
    expect(lines).toHaveLength(10);
    for (const line of lines ?? []) expect(line).toContain(`at descend (${THREAD.href}:${await lineOf(THREAD, "deep")}:`);
  });

  it("has neither Node's frames nor WebAssembly's without those of JavaScript", async () => {
    const stuck = await read(await stuckIn("wasm"));
    expect(stuck?.stack).not.toContain("node:");
    expect(stuck?.stack).toMatch(/^ {4}at \S+ \(wasm:\/\/wasm\/\w+:0x\w+\)\n {4}at wasm /);
  });

  it("is of the thread that was asked for", async () => {
    const names = ["", "[worker 1]", "Worker 2", "a\nb", "[worker 3] x"];
    const all = await Promise.all(names.map((name, index) => stuckIn("loop", { run: `run ${index}`, name })));
    const runs = await Promise.all(all.map(async (worker) => (await read(worker))?.run));
    expect(runs).toEqual(names.map((_, index) => `run ${index}`));
  });

  it("is told though the thread says nothing of runs", async () => {
    const source = `require("node:worker_threads").parentPort.postMessage(1);\nfor (;;);`;
    const worker = new Worker(source, { eval: true });
    workers.push(worker);
    await once(worker, "message");
    expect(await read(worker)).toMatchObject({ run: null, stack: expect.stringMatching(/:2:\d+/) as string });
  });

  it("asks by the name that threads use", async () => {
    expect(await readFile(THREAD, "utf8")).toContain(JSON.stringify(CURRENT_RUN));
  });
});

describe("the source of a stuck line", () => {
  /** Compiles the fixture into a folder of its own. */
  async function compiled(options: ts.CompilerOptions, change = (text: string): string => text): Promise<URL> {
    const folder = await mkdtemp(join(scratch, "x-"));
    const { module, target } = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    // Comments that go move the lines.
    const compilerOptions = { module, target, removeComments: true, sourceRoot: new URL(".", MAPPED).href, ...options };
    const output = ts.transpileModule(await readFile(MAPPED, "utf8"), { fileName: basename(MAPPED.pathname), compilerOptions });
    await writeFile(join(folder, "mapped.mjs"), output.outputText.replace("mapped.js.map", "mapped.mjs.map"));
    await writeFile(join(folder, "mapped.ts"), "");
    if (output.sourceMapText !== undefined) await writeFile(join(folder, "mapped.mjs.map"), change(output.sourceMapText));
    return pathToFileURL(join(folder, "mapped.mjs"));
  }

  async function stackOf(url: URL, options?: WorkerOptions): Promise<string | undefined> {
    return (await read(await start(url, options)))?.stack;
  }

  const mapped = async (): Promise<string> => `at spin (${MAPPED.href}:${await lineOf(MAPPED, "typescript")}:`;

  it("is found by a map beside the script", async () => {
    expect(await stackOf(await compiled({ sourceMap: true }))).toContain(await mapped());
  });

  it("is found by a map inside of the script", async () => {
    expect(await stackOf(await compiled({ inlineSourceMap: true }))).toContain(await mapped());
  });

  it("is relative to the map without a root", async () => {
    const url = await compiled({ sourceMap: true, sourceRoot: "" });
    expect(await stackOf(url)).toContain(`at spin (${new URL("mapped.ts", url).href}:${await lineOf(MAPPED, "typescript")}:`);
  });

  it("is found under tsx", async () => {
    expect(await stackOf(TSX)).toContain(await mapped());
  });

  it.runIf(major > 22 || (major === 22 && minor >= 18))("is found where Node takes the types away", async () => {
    expect(await stackOf(MAPPED)).toContain(await mapped());
  });

  it.each([
    ["broken", () => "{"],
    ["of another kind", () => "[]"],
    ["full of nonsense", (text: string) => text.replace(/"mappings":"/, '"mappings":"!!!!')],
    ["too large", (text: string) => text.padEnd(5_000_000)],
  ])("is the line of the script when the map is %s", async (_, change) => {
    const url = await compiled({ sourceMap: true }, change);
    const stack = await stackOf(url);
    expect(stack).toMatch(new RegExp(`at spin \\((${url.href}|${MAPPED.href}):\\d+:\\d+\\)`));
  });

  it("is the line of the script when the map cannot be read in time", async () => {
    const url = await compiled({ sourceMap: true });
    const map = `${fileURLToPath(url)}.map`;
    await rm(map);
    await symlink(newPipe(), map);
    const worker = await start(url);
    expect((await read(worker, 1_000))?.stack).toContain(`at spin (${url.href}:`);
  });

  it("is the line of the script when the map is missing", async () => {
    const url = await compiled({ sourceMap: true });
    await rm(`${fileURLToPath(url)}.map`);
    expect(await stackOf(url)).toContain(`at spin (${url.href}:`);
  });
});

describe("a thread that is not stuck in JavaScript", () => {
  it("idle: says nothing, and works on", async () => {
    const worker = await stuckIn("nothing");
    expect(await read(worker, 200)).toBeNull();
    worker.postMessage("still there?");
    expect(await once(worker, "message")).toEqual(["still there?"]);
  });

  it("in native code: says nothing, and ends as soon as that allows", async () => {
    const path = newPipe();
    const worker = await start(THREAD, { workerData: { way: "native", path } });
    const letGo = await whenRead(path); // by its child, which it waits for
    expect(await read(worker, 200)).toBeNull();
    const killed = kill(worker);
    letGo();
    expect(await killed).toBe(true);
  });

  it("gone: says nothing", async () => {
    const worker = await stuckIn("nothing");
    const { threadId } = worker;
    await kill(worker);
    expect(await readStuckStack(threadId, { clock: systemClock(), ms: LIMIT_MS })).toBeNull();
    expect(await readStuckStack(-1, { clock: systemClock(), ms: LIMIT_MS })).toBeNull();
  });

  it("waits by the clock it is given", async () => {
    const worker = await stuckIn("nothing");
    const clock = manualClock();
    const reading = readStuckStack(worker.threadId, { clock, ms: 250 });
    while (clock.timers === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(250);
    expect(await reading).toBeNull();
    expect(clock.timers).toBe(0);
  });
});

describe("reading", () => {
  it("tells nothing inside of a worker thread", async () => {
    const stuck = await stuckIn("loop");
    const reader = new Worker(READER, { workerData: { threadId: stuck.threadId }, execArgv: [] });
    workers.push(reader);
    expect(await once(reader, "message")).toEqual([null]);
  });

  it("several threads at a time works", async () => {
    const ways = ["loop", "atomics", "regex", "wasm"];
    const all = await Promise.all(ways.map((way) => stuckIn(way)));
    const stacks = await Promise.all(all.map((worker) => read(worker)));
    for (const [index, way] of ways.entries()) {
      expect(stacks[index]?.stack).toContain(`thread.js:${await lineOf(THREAD, way)}:`);
      expect(stacks[index]?.run).toBe(`run of ${way}`);
    }
  });

  it("and then killing works in a flood of promises, however often", async () => {
    for (let time = 0; time < 10; time += 1) {
      const worker = await stuckIn("awaits");
      expect((await read(worker))?.run).toBe("run of awaits");
      expect(await kill(worker)).toBe(true);
    }
  });

  it("leaves the other threads alone", async () => {
    const [neighbour, stuck] = await Promise.all([stuckIn("nothing"), stuckIn("loop")]);
    let answers = 0;
    neighbour.on("message", () => {
      answers += 1;
      if (answers < 2_000) neighbour.postMessage("again");
    });
    neighbour.postMessage("first");
    const finds = [];
    while (answers < 2_000) finds.push((await read(stuck, 1_000))?.run);
    expect(finds).toContain("run of loop");
    expect(answers).toBe(2_000);
  });

  it("leaves a session of the user as it is", async () => {
    const session = new inspector.Session();
    session.connect();
    const attached: string[] = [];
    session.on("NodeWorker.attachedToWorker", ({ params }) => attached.push(params.sessionId));
    session.post("NodeWorker.enable", { waitForDebuggerOnStart: false });
    const stuck = await stuckIn("loop");
    expect(attached).toHaveLength(1);
    const answers: unknown[] = [];
    session.on("NodeWorker.receivedMessageFromWorker", ({ params }) => answers.push(JSON.parse(params.message)));
    expect((await read(stuck))?.run).toBe("run of loop");
    const question = { id: 1, method: "Runtime.evaluate", params: { expression: "6 * 7" } };
    session.post("NodeWorker.sendMessageToWorker", { sessionId: attached[0]!, message: JSON.stringify(question) });
    while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(answers).toMatchObject([{ id: 1, result: { result: { value: 42 } } }]);
    session.post("NodeWorker.detach", { sessionId: attached[0]! });
    session.disconnect();
    expect(await kill(stuck)).toBe(true);
  });

  it("leaves nothing behind", async () => {
    const listenersBefore = process.eventNames().map((name) => [name, process.listenerCount(name)]);
    const idle = await stuckIn("nothing");
    for (let time = 0; time < 20; time += 1) {
      const worker = await stuckIn("loop");
      expect((await read(worker))?.run).toBe("run of loop");
      expect(await kill(worker)).toBe(true);
    }
    expect(process.eventNames().map((name) => [name, process.listenerCount(name)])).toEqual(listenersBefore);
    // Were a session left, its debugger would still be on, and so would be its pauses.
    idle.postMessage("still there?");
    expect(await once(idle, "message")).toEqual(["still there?"]);
    expect(process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length).toBeLessThanOrEqual(2);
    expect(await kill(idle)).toBe(true);
  });
});
