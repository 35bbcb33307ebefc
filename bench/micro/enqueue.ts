import { createEngine, type Engine } from "millrace";
import { echo, small } from "../lib/engine.js";
import { runMicro } from "../lib/micro.js";
import type { Options, Section } from "../lib/report.js";

const OPS = 1_000;

/** The way of a call until the job is stored: on an engine that is never started nothing else happens. */
export async function enqueueBench(options: Options): Promise<Section> {
  let engine = createEngine();
  const before = async (): Promise<void> => {
    // Else the jobs of all calls would pile up.
    await engine.stop();
    engine = createEngine();
    await engine.enqueue(echo, small());
  };
  const payloads = Array.from({ length: OPS }, small);
  const cases = [
    { name: `enqueue(), ${OPS} in one turn`, ops: OPS, before, run: () => enqueueTogether(engine) },
    { name: "enqueue(), each awaited", ops: OPS, before, run: () => enqueueAlone(engine) },
    { name: `enqueueMany(), ${OPS} at a time`, ops: OPS, before, run: () => engine.enqueueMany(echo, payloads) },
  ];
  try {
    return await runMicro("Enqueue, on an engine that is never started", cases, options);
  } finally {
    await engine.stop();
  }
}

function enqueueTogether(engine: Engine): Promise<unknown> {
  return Promise.all(Array.from({ length: OPS }, () => engine.enqueue(echo, small())));
}

async function enqueueAlone(engine: Engine): Promise<void> {
  for (let index = 0; index < OPS; index += 1) await engine.enqueue(echo, small());
}
