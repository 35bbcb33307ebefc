import { systemClock } from "../../dist/src/clock.js";
import { ControlBlock } from "../../dist/src/protocol/control-block.js";
import { RunContext } from "../../dist/workers/context.js";
import { LogGate } from "../../dist/workers/log-gate.js";
import { runMicro } from "../lib/micro.js";
import type { Options, Section } from "../lib/report.js";

const OPS = 1_000;

export function contextBench(options: Options): Promise<Section> {
  const control = new ControlBlock();
  const environment = {
    queue: "default",
    state: undefined,
    control,
    clock: systemClock(),
    post: () => undefined,
    logs: new LogGate(control),
    enqueueAt: () => () => Promise.reject(new Error("not measured")),
  };
  const payload = { bytes: new Uint8Array(8), start: 0, end: 8 };
  const job = { slot: 0, id: "job-1", name: "job", attempt: 1, maxRetries: 5, depth: 0, meta: {}, payload, attachments: [], customBackoff: false };
  const context = new RunContext(job, environment);
  const cases = [
    { name: "made for a run", ops: OPS, run: () => make(() => new RunContext(job, environment)) },
    { name: "ctx.cancelled", ops: OPS, run: () => askCancelled(context) },
    { name: "ctx.throwIfCancelled()", ops: OPS, run: () => throwIfCancelled(context) },
    { name: "ctx.progress(fraction)", ops: OPS, run: () => tellProgress(context) },
    { name: "ctx.signal, first use", ops: OPS, run: () => make(() => new RunContext(job, environment).signal) },
  ];
  return runMicro("What a job calls in its loop", cases, options);
}

function make(one: () => object): object | undefined {
  let last: object | undefined;
  for (let index = 0; index < OPS; index += 1) last = one();
  return last;
}

function askCancelled(context: RunContext): number {
  let count = 0;
  for (let index = 0; index < OPS; index += 1) if (context.cancelled) count += 1;
  return count;
}

function throwIfCancelled(context: RunContext): void {
  for (let index = 0; index < OPS; index += 1) context.throwIfCancelled();
}

function tellProgress(context: RunContext): void {
  for (let index = 0; index < OPS; index += 1) context.progress(index / OPS);
}
