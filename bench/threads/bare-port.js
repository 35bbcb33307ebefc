// The other side of a bare port: echoes frames, and works where a payload says so.

import { workerData } from "node:worker_threads";
import { burn } from "./burn.js";
import { packFrame, unpackFrame } from "./frames.js";

const { port } = workerData;

port.on("message", (frame) => {
  const payloads = [];
  unpackFrame(frame, (payload) => payloads.push(payload));
  port.postMessage(
    packFrame(payloads.length, (index) => {
      const payload = payloads[index];
      if (payload.steps !== undefined) burn(payload.steps);
      return payload;
    }),
  );
});
