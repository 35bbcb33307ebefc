/** `millrace/testing`: what tests of jobs, and of stores, need. */

export { flakyStorage } from "./flaky-storage.js";
export type { FlakyOptions, FlakyRates, FlakyStorage, StorageFault } from "./flaky-storage.js";
export { manualClock } from "./manual-clock.js";
export type { ManualClock } from "./manual-clock.js";
export { poolSuite } from "./pool-suite.js";
export type { PoolPlan, PoolSuiteOptions, PoolSupports } from "./pool-suite.js";
export { storageSuite } from "./storage-suite.js";
export type { SuiteRunner } from "./storage-suite.js";
export { createTestEngine } from "./test-engine.js";
export type { TestEngineOptions } from "./test-engine.js";
