/**
 * Where a busy worker thread is. The thread is stopped by its inspector wherever it runs JavaScript: in a loop, a regular
 * expression, WebAssembly, `Atomics.wait`. What runs in native code is not seen before it comes back.
 */

import { CURRENT_RUN } from "../protocol/current-run.js";
import { deferred, settledWithin, type WaitLimit } from "../waiting.js";
import { Scripts } from "./scripts.js";
import { NO_MAPS, SourcePositions } from "./source-position.js";
import { type CallFrame, formatFrames, type Frame, isTheirs } from "./stack-frames.js";
import { type Command, WorkerInspector } from "./worker-inspector.js";

export interface StuckStack {
  /** Lines as in the stack of an Error, innermost first. */
  readonly stack: string;
  /** Whose code it is, as the thread itself says: JSON of a `RunIdentity`, or of `"nobody"`; `null` if it did not say. */
  readonly run: string | null;
}

/** For what is asked of a thread that is paused. */
const PAUSED_LIMIT_MS = 750;

/** Between two callbacks only Node's own code is on the stack. The next callback is a few statements away. */
const MAX_STEPS = 60;

const WHICH_RUN: Command = {
  method: "Runtime.evaluate",
  params: { expression: `globalThis[Symbol.for(${JSON.stringify(CURRENT_RUN)})]?.() ?? null`, returnByValue: true, silent: true, disableBreaks: true },
};

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly callFrames?: readonly CallFrame[] };
  readonly result?: { readonly result?: { readonly value?: unknown } };
}

interface Snapshot {
  readonly frames: readonly Frame[];
  readonly run: string | null;
  readonly scripts: Scripts;
}

/**
 * Never throws. `null` when it cannot be told within the limit: the thread runs no JavaScript, is idle or gone, there is no
 * inspector, or this is itself a worker thread. Not to be asked twice at a time: two debuggers at one thread would pause it in
 * each other's questions.
 */
export async function readStuckStack(threadId: number, limit: WaitLimit): Promise<StuckStack | null> {
  try {
    const snapshot = await stop(threadId, limit);
    if (snapshot === null) return null;
    const mapped = formatFrames(snapshot.frames, new SourcePositions(snapshot.scripts));
    // Maps are files, and jobs may keep all of Node's few threads for files busy.
    const isMapped = await settledWithin(mapped, limit);
    return { stack: await (isMapped ? mapped : formatFrames(snapshot.frames, NO_MAPS)), run: snapshot.run };
  } catch {
    return null;
  }
}

/** Stops the thread, asks, and lets it go again. */
async function stop(threadId: number, limit: WaitLimit): Promise<Snapshot | null> {
  let lastAt = limit.clock.monotonic() + limit.ms;
  const reading = new Reading();
  const worker = await WorkerInspector.attach(threadId, { clock: limit.clock, onMessage: (message) => reading.receive(message) });
  if (worker === null) return null;
  const inTime = async (answer: Promise<unknown>): Promise<boolean> =>
    settledWithin(answer, { ms: lastAt - limit.clock.monotonic(), clock: limit.clock });
  try {
    // Told together with this, a pause is lost on a thread that calls no function. Told twice, it may come in our own question.
    if (!(await inTime(reading.answerTo(worker.send({ method: "Debugger.enable" }))))) return null;
    let paused = reading.nextPause();
    worker.send({ method: "Debugger.pause" });
    if (!(await inTime(paused))) return null;
    let frames = await paused;
    // A thread that has stopped answers, if slowly on a busy machine.
    lastAt = limit.clock.monotonic() + PAUSED_LIMIT_MS;
    for (let step = 0; step < MAX_STEPS && !frames.some(isTheirs); step += 1) {
      paused = reading.nextPause();
      worker.send({ method: "Debugger.stepInto" });
      if (!(await inTime(paused))) return null;
      frames = await paused;
    }
    const answer = reading.answerTo(worker.send(WHICH_RUN));
    const value = (await inTime(answer)) ? await answer : null;
    const run = typeof value === "string" ? value : null;
    return run === null && !frames.some(isTheirs) ? null : { frames, run, scripts: reading.scripts };
  } finally {
    worker.detach();
  }
}

/** Sorts what the thread's inspector says. */
class Reading {
  readonly scripts: Scripts = new Scripts();
  #pause = deferred<readonly Frame[]>();
  #answer = deferred<unknown>();
  #answerId = 0;

  nextPause(): Promise<readonly Frame[]> {
    this.#pause = deferred();
    return this.#pause.promise;
  }

  answerTo(id: number): Promise<unknown> {
    this.#answerId = id;
    this.#answer = deferred();
    return this.#answer.promise;
  }

  receive(text: string): void {
    if (this.scripts.add(text)) return;
    const { id, method, params, result } = JSON.parse(text) as Message;
    if (method === "Debugger.paused") this.#pause.resolve(this.#framesOf(params?.callFrames ?? []));
    else if (id !== undefined && id === this.#answerId) this.#answer.resolve(result?.result?.value);
  }

  /** Node 20 leaves the URL out of the frames. */
  #framesOf(frames: readonly CallFrame[]): Frame[] {
    return frames.map((frame) => ({ ...frame, url: this.scripts.get(frame.location.scriptId).url }));
  }
}
