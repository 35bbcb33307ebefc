/** `millrace/testing`: what tests of jobs, and of stores, need. */

export { manualClock } from "./manual-clock.js";
export type { ManualClock } from "./manual-clock.js";
export { storageSuite } from "./storage-suite.js";
export type { SuiteRunner } from "./storage-suite.js";
export { createTestEngine } from "./test-engine.js";
export type { TestEngineOptions } from "./test-engine.js";
