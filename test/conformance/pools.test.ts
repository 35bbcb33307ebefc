import type { Jobs } from "millrace/jobs";
import { type PoolPlan, poolSuite } from "millrace/testing";
import { MessagePort } from "node:worker_threads";
import { describe, expect, it, onTestFinished } from "vitest";
import { InlinePool } from "../../dist/src/dispatch/inline-pool.js";
import { ThreadPool } from "../../dist/src/dispatch/thread-pool.js";
import { type Frame, unpackFrame } from "../../dist/src/protocol/frame.js";
import { Scene, jobs } from "../../dist/src/testing/pool-suite/scene.js";

const all = { ownThreads: true, killsBusyThreads: true, outlivesCrashes: true };
const none = { ownThreads: false, killsBusyThreads: false, outlivesCrashes: false };

function threadPool(plan: PoolPlan): ThreadPool {
  return new ThreadPool({ ...plan, resourceLimits: null, maxHeapPerThread: null, execArgv: null, env: null });
}

function inlinePool(plan: PoolPlan): InlinePool {
  const loadJobs = async (): Promise<Jobs> => ((await import(plan.jobsUrl)) as { readonly default: Jobs }).default;
  return new InlinePool({ ...plan, loadJobs });
}

describe("threads", () => {
  poolSuite({ describe, it }, { supports: all, make: threadPool });

  it("get a frame as one message, however many jobs it has", async () => {
    const scene = new Scene(threadPool, all);
    const subject = await scene.started();
    const frames: number[] = [];
    const prototype = MessagePort.prototype as { postMessage: (this: unknown, ...args: unknown[]) => unknown };
    const { postMessage } = prototype;
    prototype.postMessage = function post(this: unknown, ...args: unknown[]): unknown {
      const { kind, frame } = (args[0] ?? {}) as { readonly kind?: string; readonly frame?: Frame };
      if (kind === "frame") frames.push(frame === undefined ? 0 : unpackFrame(frame).length);
      return postMessage.apply(this, args);
    };
    onTestFinished(() => {
      prototype.postMessage = postMessage;
    });
    await subject.run(subject.lane, ...jobs(100));
    await subject.run(subject.lane, ...jobs(1));
    expect(frames).toEqual([100, 1]);
    await scene.end();
  });
});

describe("inline", () => {
  poolSuite({ describe, it }, { supports: none, make: inlinePool });
});
