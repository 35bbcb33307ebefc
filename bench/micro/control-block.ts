import { ControlBlock, FRAME_SLOTS } from "../../dist/src/protocol/control-block.js";
import { runMicro } from "../lib/micro.js";
import type { Options, Section } from "../lib/report.js";

export function controlBlockBench(options: Options): Promise<Section> {
  const control = new ControlBlock();
  const ops = FRAME_SLOTS;
  const cases = [
    { name: "queue, start, finish, release", ops, run: () => wholeWay(control) },
    { name: "queue, revoke, release", ops, run: () => takenBack(control) },
    { name: "stop word read", ops, run: () => stops(control) },
    { name: "progress written and read", ops, run: () => progress(control) },
    { name: "start time read", ops, run: () => starts(control) },
  ];
  return runMicro("Control block, without another thread at it", cases, options);
}

function wholeWay(control: ControlBlock): void {
  for (let slot = 0; slot < FRAME_SLOTS; slot += 1) {
    control.queue(slot);
    control.start(slot, 1);
    control.finish(slot);
    control.release(slot);
  }
}

function takenBack(control: ControlBlock): void {
  for (let slot = 0; slot < FRAME_SLOTS; slot += 1) {
    control.queue(slot);
    control.revoke(slot);
    control.release(slot);
  }
}

function stops(control: ControlBlock): number {
  let count = 0;
  for (let slot = 0; slot < FRAME_SLOTS; slot += 1) if (control.stopReason(slot) !== null) count += 1;
  return count;
}

function progress(control: ControlBlock): number {
  let sum = 0;
  for (let slot = 0; slot < FRAME_SLOTS; slot += 1) {
    control.setProgress(slot, 0.5);
    sum += control.progress(slot) ?? 0;
  }
  return sum;
}

function starts(control: ControlBlock): number {
  let sum = 0;
  for (let slot = 0; slot < FRAME_SLOTS; slot += 1) sum += control.startedAt(slot) ?? 0;
  return sum;
}
