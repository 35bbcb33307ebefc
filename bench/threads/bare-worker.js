// A worker with nothing around it: one message, one answer.

import { parentPort } from "node:worker_threads";
import { burn } from "./burn.js";
import { sharedNow } from "./clock.js";
import { readAll } from "./work.js";

const ANSWERS = {
  burn: ({ steps, units }) => {
    for (let unit = 0; unit < units; unit += 1) burn(steps);
    parentPort.postMessage(null);
  },
  now: () => parentPort.postMessage(sharedNow()),
  readAll: ({ bytes }) => {
    readAll(bytes);
    parentPort.postMessage(bytes, [bytes.buffer]);
  },
};

parentPort.on("message", (message) => ANSWERS[message.kind](message));
