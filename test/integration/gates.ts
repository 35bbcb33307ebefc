/** Lets a test decide when a job in a thread goes on. The thread's side is in test/fixtures/jobs/gate.js. */

import { BroadcastChannel } from "node:worker_threads";

/** Lets the jobs go on that wait at this gate now. */
export function open(gate: string): void {
  const channel = new BroadcastChannel(`gate ${gate}`);
  channel.postMessage("open");
  channel.close();
}

let gates = 0;

/** A name no other test waits at. */
export function newGate(): string {
  gates += 1;
  return `${process.pid}-${gates}`;
}
