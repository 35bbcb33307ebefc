/** An engine for tests: jobs run inline, and the clock may be a manual one. */

import { type Clock, systemClock } from "../clock.js";
import type { EngineOptions } from "../config.js";
import { InlinePool } from "../dispatch/inline-pool.js";
import { Engine } from "../engine.js";
import { OptionsError } from "../errors.js";
import type { Jobs } from "../job/define-job.js";
import { isJobs } from "../../workers/registry.js";

export interface TestEngineOptions extends Omit<EngineOptions, "jobs" | "execArgv" | "env" | "resourceLimits" | "bootTimeout"> {
  /** What the jobs module exports as its default, or a function that imports the module. */
  readonly jobs: Jobs | (() => Promise<{ readonly default: Jobs }>);
  /** Such as `manualClock()`. Default: real time. */
  readonly clock?: Clock;
}

/**
 * An engine that runs its jobs in this process, without threads. It behaves like a real one but for what only threads can do:
 * a job that blocks, blocks the process, and cannot be ended.
 *
 * @example
 * const engine = createTestEngine({ jobs: () => import("./jobs.ts") });
 * await engine.start();
 */
export function createTestEngine({ jobs, clock = systemClock(), ...options }: TestEngineOptions): Engine {
  const loadJobs = async (): Promise<Jobs> => {
    const module = typeof jobs === "function" ? (await jobs()).default : jobs;
    if (!isJobs(module)) throw new OptionsError("jobs must be what defineJobs() returns, or a function that imports a jobs module");
    return module;
  };
  return new Engine(options, {
    clock,
    createPool: (queue, { threads, concurrency }, around) => new InlinePool({ queue, threads, concurrency, loadJobs, clock, ...around }),
  });
}
