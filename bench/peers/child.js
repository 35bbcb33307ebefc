// One contestant, in a process of its own: node child.js <contestant>. Does what it is asked over IPC, until that is closed.

import { measureBurn, measureHttp, measureMemory, measureNoops, measureStart } from "./lib/ops.js";

/** @import { Contestant, Reply, Request } from "./types.js" */

/** @type {{ readonly default: Contestant }} */
const { default: contestant } = await import(`./contestants/${process.argv[2]}.js`);

// Whoever asks may be gone before it could end this process.
process.on("disconnect", () => process.exit());

process.on("message", (/** @type {Request} */ request) => {
  answer(request).then(
    (result) => reply({ answer: result }),
    (error) => reply({ error: String(error instanceof Error ? error.stack : error) }),
  );
});

/** @param {Request} request */
async function answer(request) {
  switch (request.op) {
    case "describe": {
      const { open, waiting, ...description } = contestant;
      return description;
    }
    case "noops":
      return measureNoops(contestant, request);
    case "burn":
      return measureBurn(contestant, request);
    case "http":
      return measureHttp(contestant, request, (port) => reply({ listening: port }));
    case "memory":
      return measureMemory(contestant, request);
    case "start":
      return measureStart(contestant, request);
  }
}

/**
 * @param {Reply} message
 * @returns {Promise<void>}
 */
function reply(message) {
  return new Promise((resolve) => process.send?.(message, () => resolve()));
}
