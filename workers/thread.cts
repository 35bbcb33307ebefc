/**
 * The file that Piscina loads. It loads with `require`, and a thread that is ended while it requires an ES module brings down the
 * whole process: Node checks a module that was never linked, and aborts. While it imports one nothing happens. So this is a
 * CommonJS module, and imports the rest: at once, before there is a lane.
 */

import type { LaneTask } from "../src/protocol/messages.js" with { "resolution-mode": "import" };

const entry = import("./entry.js");

async function serveLane(task: LaneTask): Promise<void> {
  const { default: serve } = await entry;
  return serve(task);
}

module.exports = serveLane;
