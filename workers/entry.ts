/**
 * What Piscina runs in each thread. It loads nothing of the user's at the top level: Piscina never recovers from a module
 * that fails to load, so the jobs module is loaded here, and its failure is a message.
 */

import type { MessagePort } from "node:worker_threads";
import { systemClock } from "../src/clock.js";
import { ControlBlock } from "../src/protocol/control-block.js";
import { CURRENT_RUN, type CurrentRun } from "../src/protocol/current-run.js";
import { connectHostApi } from "../src/protocol/host-api.js";
import type { FromThread, LaneTask, ToThread } from "../src/protocol/messages.js";
import { toWireError } from "../src/protocol/wire-error.js";
import { bootLane, type BootedLane } from "./boot.js";
import { currentRun } from "./current-run.js";
import { watchHeap } from "./heap-watch.js";
import { ownMicrotasks } from "./microtasks.js";
import { loadRegistry } from "./registry.js";
import { tellStrays } from "./strays.js";

/** Lives as long as the thread: the lane goes on after its task has ended for a rest. */
let endTask: () => void = () => undefined;

export default async function serveLane(task: LaneTask): Promise<void> {
  const taskEnded = new Promise<void>((resolve) => {
    endTask = resolve;
  });
  post(task.port, { kind: "hello" });
  tellInspector();
  const host = connectHostApi(task.hostPort);
  try {
    const lane = await bootLane(task.place, {
      clock: systemClock(),
      control: new ControlBlock(task.control),
      post: (message, transfer) => post(task.port, message, transfer),
      store: (request) => host.enqueue(request),
      registry: await loadRegistry(task.jobsUrl),
    });
    // Only now: what goes wrong before is a failed boot.
    ownMicrotasks();
    tellStrays((message) => post(task.port, message));
    if (task.place.maxHeapPerThread !== null) watchHeap(task.place.maxHeapPerThread, () => post(task.port, { kind: "heap-high" }));
    listen(task, lane);
    post(task.port, { kind: "ready", names: lane.names });
  } catch (error) {
    // The main side ends this thread: what a failed import left behind cannot be loaded again in it.
    post(task.port, { kind: "boot-failed", error: toWireError(error) });
  }
  return taskEnded;
}

function listen({ port, hostPort }: LaneTask, lane: BootedLane): void {
  port.on("message", (message: ToThread) => {
    switch (message.kind) {
      case "frame":
        return lane.loop.receiveFrame(message.frame);
      case "stop-asked":
        return lane.loop.passStopOn(message.slot);
      case "knock":
        return lane.loop.answerKnock();
      case "rest":
        return endTask();
      case "end":
        return void lane.dispose().then((error) => {
          post(port, { kind: "ended", error: error === null ? null : toWireError(error) });
          port.close();
          hostPort.close();
          endTask();
        });
    }
  });
}

/** Whose code runs, for whoever stops it in the middle of a loop. */
function tellInspector(): void {
  const tell: CurrentRun = () => JSON.stringify(currentRun.get() ?? "nobody");
  Object.defineProperty(globalThis, Symbol.for(CURRENT_RUN), { value: tell });
}

function post(port: MessagePort, message: FromThread, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
