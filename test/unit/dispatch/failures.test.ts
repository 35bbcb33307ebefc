import { describe, expect, it } from "vitest";
import { strayFailure } from "../../../src/dispatch/failures.js";
import { MaxDepthError, QueueFullError, UnrecoverableError } from "../../../src/errors.js";
import { toWireError } from "../../../src/protocol/wire-error.js";

describe("an error that the run could not catch", () => {
  it.each([
    ["is fatal if the job says that retrying is pointless", new UnrecoverableError("pointless"), true],
    ["is fatal if the next run would enqueue as deep", new MaxDepthError("too deep", { jobName: "child", maxDepth: 3 }), true],
    ["is not if the queue is full, which may pass", new QueueFullError("full", { queue: "q", maxQueued: 1 }), false],
    ["is not in general", new RangeError("late"), false],
  ])("%s", (_, error, fatal) => {
    expect(strayFailure(toWireError(error))).toMatchObject({ kind: "failed", fatal });
  });
});
